import { describe, expect, test } from 'vitest';
import { opcode, parseProgram } from '#src/filter/classicBpf.ts';
import { ebpfFilter } from '#src/filter/ebpfFilter.ts';
import { filterGraph, type Node, type Test } from '#src/filter/filterGraph.ts';
import { withTagBeside } from '#src/filter/vlanTags.ts';
import { compilePcapFilter } from '#src/net/pcapFilter.ts';
import { runClassicBpf } from './support/classicBpf.ts';
import { runEbpf } from './support/ebpf.ts';
import { frames, lists } from './support/filterLists.ts';
import { tagged } from './support/frames.ts';

async function translated(
  expression: string,
  returning?: (value: number) => number,
): Promise<{ readonly whole: string; readonly code: Uint8Array | undefined }> {
  const whole = await compilePcapFilter(expression, { optimize: false });
  const graph = filterGraph(withTagBeside(parseProgram(whole)) ?? []);
  if (graph === undefined) throw new Error('there is no graph');
  return { whole, code: ebpfFilter(graph, returning) };
}

/** A frame as the kernel shows it to programs when it has taken the outer tag out. */
function untagged(frame: Buffer) {
  const tag = { type: frame.readUInt16BE(12), tci: frame.readUInt16BE(14) };
  return { frame: Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]), tag };
}

const isTagged = (frame: Buffer) => frame.length > 16 && frame.readUInt16BE(12) === 0x8100;

const more = {
  'arithmetic of all kinds':
    'ip[0] * 3 - ip[1] + 5 = 212 or (ip[9] / 2 = 8 and ip[9] % 5 = 2) or (ip[9] ^ 1) | 2 = 19 or ip[2:2] << 3 > 900 or len - 60 < 3',
  'a divisor from the packet': 'udp[3] / ip[1] = 1 or ip[9] = 6 and tcp[3] % (ip[6] + 7) = 1',
  'two values compared': 'udp[0:2] > udp[2:2] or ether[6:4] = ip[12:4] or tcp[0:2] >= tcp[4:2]',
  'two tags': '(vlan 5 and tcp) or (vlan 5 and udp)',
  'ICMP and ARP': 'icmp[icmptype] = icmp-echo or arp host 10.0.0.7',
};

describe('a filter in eBPF says what it says in classic BPF', () => {
  test.each(Object.entries({ ...lists, ...more }))('of %s', async (_, expression) => {
    const { whole, code = Buffer.alloc(0) } = await translated(expression);
    const all = [...frames, ...frames.filter(isTagged).map(tagged)];
    const verdicts = all.map((frame) => runClassicBpf(whole, frame));
    expect(all.map((frame) => runEbpf(code, frame))).toEqual(verdicts);
    expect(new Set(verdicts).size).toBe(2);
    const outer = all.filter(isTagged);
    const beside = outer.map((frame) => {
      const { frame: rest, tag } = untagged(frame);
      return runEbpf(code, rest, tag);
    });
    expect(beside).toEqual(outer.map((frame) => runClassicBpf(whole, frame)));
  });
});

test('it may return something else in place of its verdicts', async () => {
  const { code = Buffer.alloc(0), whole } = await translated(lists.hosts, (value) => (value === 0 ? 2 : 7));
  const expected = frames.map((frame) => (runClassicBpf(whole, frame) === 0 ? 2 : 7));
  // A frame that ends too soon has no verdict: the kernel ends the program.
  expect(frames.map((frame) => runEbpf(code, frame))).toEqual(
    frames.map((frame, at) => (frame.length < 14 ? 0 : expected[at])),
  );
});

test('of a thousand hosts one is found in few steps', async () => {
  const hosts = Array.from({ length: 1000 }, (_, n) => `dst host 10.8.${n >> 8}.${n & 255}`);
  const { code = Buffer.alloc(0) } = await translated(hosts.join(' or '));
  const instructions = code.length / 8;
  // One comparison and one jump a host, those of the search, and little else.
  expect(instructions).toBeLessThan(5000);
});

/** Tests in turn, all of which lead to the same place behind them. */
function chain(length: number): Node {
  const found: Node = { returns: 1 };
  const value = [{ code: opcode.loadByte, k: 0, jumpIf: 0, jumpElse: 0 }];
  const last: Test = {
    place: length,
    value,
    condition: { code: opcode.jumpNotLess, k: 1 },
    ifTo: found,
    elseTo: { returns: 0 },
  };
  let first: Node = last;
  for (let place = length - 1; place >= 0; place--) {
    const at = [{ code: opcode.loadByte, k: place, jumpIf: 0, jumpElse: 0 }];
    first = {
      place,
      value: at,
      condition: { code: opcode.jumpEqual, k: place & 255 },
      ifTo: last,
      elseTo: first,
    };
  }
  return first;
}

test('one that is too long for the jumps of eBPF is refused', () => {
  const code = ebpfFilter(chain(1500)) ?? Buffer.alloc(0);
  const frame = Buffer.alloc(2000, 1);
  expect(runEbpf(code, frame)).toBe(1);
  frame.fill(2);
  frame[0] = 0;
  expect(runEbpf(code, frame)).toBe(0);
  expect(ebpfFilter(chain(3000))).toBeUndefined();
});
