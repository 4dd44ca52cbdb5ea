import { describe, expect, test } from 'vitest';
import { compilePcapFilter } from '#src/net/pcapFilter.ts';
import { formatProgram, type Instruction, parseProgram } from '#src/filter/classicBpf.ts';
import { withTagBeside } from '#src/filter/vlanTags.ts';
import { runClassicBpf, type TagBeside } from './support/classicBpf.ts';
import { ethernet, icmp, ip, udp } from './support/frames.ts';

const plainFrames = [
  ip(17, '192.0.2.1', '192.0.2.2', udp(7000)),
  ip(17, '192.0.2.1', '192.0.2.2', udp(53)),
  ip(17, '2001:db8::1', '2001:db8::2', udp(7000)),
  ip(6, '2001:db8::1', '2001:db8::2', Buffer.alloc(20)),
  ip(6, '192.0.2.9', '192.0.2.2', Buffer.alloc(60)),
  ip(1, '192.0.2.1', '192.0.2.2', icmp(8, Buffer.alloc(8))),
  ethernet(0x0806, Buffer.alloc(28)),
  ethernet(0x0064, Buffer.alloc(46, 0x42)),
  ethernet(0x9100, Buffer.from([0x00, 0x05, 0x08, 0x00])),
  Buffer.alloc(20),
];

const tags = [
  [],
  [[0x8100, 5]],
  [[0x8100, 0xe006]],
  [[0x88a8, 5]],
  [
    [0x88a8, 6],
    [0x8100, 5],
  ],
  [
    [0x8100, 5],
    [0x8100, 0x2006],
  ],
] as const;

/** Whole frames, with all their tags. */
const frames = plainFrames.flatMap((frame) =>
  tags.map((each) => {
    const words = each.flat().map((value) => [value >> 8, value & 0xff]);
    return Buffer.concat([frame.subarray(0, 12), Buffer.from(words.flat()), frame.subarray(12)]);
  }),
);

/** What the kernel makes of a whole frame that it receives. */
function received(frame: Buffer): [Buffer, TagBeside?] {
  const type = frame.readUInt16BE(12);
  if (type !== 0x8100 && type !== 0x88a8) return [frame];
  const tag = { type, tci: frame.readUInt16BE(14) };
  return [Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]), tag];
}

const expressions = [
  '',
  'udp port 7000',
  'not udp port 7000',
  'ip',
  'ip6',
  'not ip',
  'arp',
  'port 53 or port 7000',
  'vlan',
  'not vlan',
  'vlan 5',
  'vlan 5 and udp port 7000',
  'vlan and ip6',
  'vlan and vlan 5',
  'vlan and vlan and udp port 7000',
  'udp port 7000 or (vlan and udp port 7000)',
  'udp or (vlan 6 and (udp or (vlan 5 and udp)))',
  'not (vlan 5 and udp)',
  'ether[12:2] = 0x8100',
  'ether[14:2] & 0xe000 != 0',
  'ether[12] = 0x81 or ether[13] = 0xa8',
  'ether[14] & 0xe0 != 0',
  'ether[15] = 5',
  'ether[16:4] = 0x08004500',
  'ether[6:4] = 0x02000000 and ip',
  'ether host 02:00:00:00:00:01',
  'len > 60',
  'less 64',
  'ip[ip[0] & 15] = 0',
  'vlan and ip[2:2] > 40',
  'vlan or ip[ip[0] & 15] = 0',
  'vlan and icmp[icmptype] = icmp-echo',
  'llc',
  'stp',
  'broadcast or multicast',
];

describe('a filter says of a tag beside the frame what it says of one in the frame', () => {
  test.each(expressions)('%s', async (expression) => {
    for (const optimize of [true, false]) {
      const whole = await compilePcapFilter(expression, { optimize });
      const beside = formatProgram(withTagBeside(parseProgram(whole)) ?? []);
      const verdicts = frames.map((frame) => runClassicBpf(whole, frame));
      expect(frames.map((frame) => runClassicBpf(beside, frame))).toEqual(verdicts);
      expect(frames.map((frame) => runClassicBpf(beside, ...received(frame)))).toEqual(verdicts);
    }
  });
});

test.each([
  'ether[10:4] = 0',
  'ether[11:2] = 0',
  'ether[12:4] = 0x08004500',
  'ether[13:2] = 0',
  'ether[15:2] = 0',
  'ether[14:4] = 0',
  'ether[ether[20]] = 3',
])('%s cannot be had', async (expression) => {
  expect(withTagBeside(parseProgram(await compilePcapFilter(expression)))).toBeUndefined();
});

test('a filter without tags is only three instructions longer', async () => {
  const program = parseProgram(await compilePcapFilter('tcp port 80 or arp'));
  expect(withTagBeside(program)?.slice(3)).toEqual(program);
});

function jump(code: number, jumpIf: number, jumpElse: number, k: number): Instruction {
  return { code, jumpIf, jumpElse, k };
}

test('a jump that gets too far stays right', () => {
  const lengths = Array.from({ length: 200 }, (): Instruction => jump(0x80, 0, 0, 0));
  const program = [
    jump(0x30, 0, 0, 16),
    jump(0x15, 201, 0, 7),
    ...lengths,
    jump(0x06, 0, 0, 1),
    jump(0x06, 0, 0, 2),
  ];
  const beside = formatProgram(withTagBeside(program) ?? []);
  const run = (value: number) => runClassicBpf(beside, Buffer.alloc(60, value), { type: 0x8100, tci: 5 });
  expect([run(7), run(8)]).toEqual([2, 1]);
});
