import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CaptureFile } from '#src/pcapng/captureFile.ts';
import { directions, type Packet, receptions } from '#src/pcapng/packetBlock.ts';
import { capinfos, fields, packetBytes, tshark } from './support/tshark.ts';

const packet: Packet = {
  seconds: 1_700_000_000,
  nanoseconds: 123_456_789,
  direction: directions.out,
  reception: receptions.unknown,
  data: Buffer.from('ffffffffffff026b0000000108004500001c000000004011000001020304', 'hex'),
  originalBytes: 42,
};
const eth0 = {
  name: 'shop/web-1:eth0',
  linkType: 1,
  snapLengthBytes: 128,
} as const;

function newFile(): CaptureFile {
  return new CaptureFile({ application: 'kokotap 1.2.3' });
}

test('says which program wrote it, of what', async () => {
  const file = new CaptureFile({ application: 'kokotap 1.2.3', comment: 'deploy/web in shop' });
  const said = await capinfos(file.head());
  expect(said).toContain('Capture application: kokotap 1.2.3');
  expect(said).toContain('Capture comment:     deploy/web in shop');
});

test('describes an interface with all that is known of it', async () => {
  const file = newFile();
  file.addInterface({
    ...eth0,
    description: 'web-1 on node-a',
    filter: 'tcp port 80',
    mac: '02:6b:00:00:00:01',
    addresses: ['10.244.1.5/24', 'fd00:10:244::5/64', 'fe80::1/64'],
    os: 'Linux 6.18',
    hardware: 'veth',
    comment: 'the clock of node-a is 12 ms behind',
  });
  const said = await capinfos(file.head());
  for (const line of [
    'Name = shop/web-1:eth0',
    'Description = web-1 on node-a',
    'Encapsulation = Ethernet (1 - ether)',
    'Capture length = 128',
    'Time precision = nanoseconds (9)',
    'Time resolution = 0x09',
    'Filter string = tcp port 80',
    'Operating system = Linux 6.18',
    'Hardware = veth',
    'Comment = the clock of node-a is 12 ms behind',
  ])
    expect(said.replaceAll(/ +/g, ' ')).toContain(line);
  // capinfos has no words for them.
  for (const value of [
    '0af40105ffffff00',
    'fd00001002440000000000000000000540',
    'fe80000000000000000000000000000140',
    '026b00000001',
  ])
    expect(file.head().toString('hex')).toContain(value);
});

test('keeps of each packet its time, interface, direction, lengths and bytes', async () => {
  const word = fc.integer({ min: 0, max: 2 ** 31 - 1 });
  const anyPacket = fc.record({
    interfaceId: fc.integer({ min: 0, max: 2 }),
    packet: fc.record({
      seconds: word,
      nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
      direction: fc.constantFrom(...Object.values(directions)),
      reception: fc.constantFrom(...Object.values(receptions)),
      data: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      originalBytes: fc.integer({ min: 300, max: 262_144 }),
    }),
    notes: fc.option(fc.record({ missing: fc.integer({ min: 1, max: 2 ** 40 }) }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyPacket, { minLength: 1, maxLength: 40 }), async (packets) => {
      const file = newFile();
      for (const name of ['a', 'b', 'c']) file.addInterface({ ...eth0, name });
      const whole = Buffer.concat([file.head(), file.packets(packets)]);
      const rows = await fields(
        whole,
        'frame.time_epoch',
        'frame.interface_id',
        'frame.packet_flags_direction',
        'frame.packet_flags_reception_type',
        'frame.cap_len',
        'frame.len',
        'frame.comment',
      );
      const expected = packets.map(({ interfaceId, packet: each, notes }) => [
        `${each.seconds}.${String(each.nanoseconds).padStart(9, '0')}`,
        String(interfaceId),
        `0x0000000${each.direction}`,
        String(each.reception),
        String(each.data.length),
        String(each.originalBytes),
        notes === undefined
          ? ''
          : `kokotap: ${notes.missing} ${notes.missing === 1 ? 'packet is' : 'packets are'} missing before this one: the kernel had no room`,
      ]);
      expect(rows).toStrictEqual(expected);
      const bytes = packets.map(({ packet: { data } }) => Buffer.from(data).toString('hex'));
      expect(await packetBytes(whole)).toStrictEqual(bytes);
    }),
    { numRuns: 3 },
  );
});

test('says what was dropped, live and at last', async () => {
  const file = newFile();
  const { id } = file.addInterface(eth0);
  const at = { seconds: 1_700_000_001, nanoseconds: 0 };
  const whole = Buffer.concat([
    file.head(),
    file.counts(id, { received: 3, dropped: 1, delivered: 2 }, at),
    file.packets([{ interfaceId: id, packet }]),
    file.counts(id, { received: 10, dropped: 4, delivered: 6 }, at),
  ]);
  expect(await capinfos(whole)).toMatch(/Number of stat entries = 2\s+Number of packets = 1/u);
});

test('names addresses, and the new ones after a change', async () => {
  const file = newFile();
  const { id } = file.addInterface(eth0);
  const names = [
    { address: '1.2.3.4', names: ['web.shop'] },
    { address: 'fd00::1', names: ['api.shop'] },
    { address: 'none', names: ['x'] },
    { address: '1.2.3.5', names: [] },
  ];
  const block = file.setNames(names);
  const whole = Buffer.concat([
    newFile().head(),
    newHead(),
    block,
    file.packets([{ interfaceId: id, packet }]),
  ]);
  const named = await tshark(whole, '-N', 'n', '-z', 'hosts', '-q');
  expect(named).toContain('1.2.3.4\tweb.shop');
  expect(named).toContain('fd00::1\tapi.shop');
  expect(file.head().includes('web.shop\0')).toBe(true);

  function newHead(): Buffer {
    const other = newFile();
    return other.addInterface(eth0).bytes;
  }
});

test('takes an interface that comes later', async () => {
  const file = newFile();
  const first = file.addInterface(eth0);
  const head = file.head();
  const later = file.addInterface({ ...eth0, name: 'shop/web-2:eth0', linkType: 101 });
  const packets = file.packets([
    { interfaceId: first.id, packet },
    { interfaceId: later.id, packet },
  ]);
  const rows = await fields(Buffer.concat([head, later.bytes, packets]), 'frame.interface_name');
  expect(rows).toStrictEqual([['shop/web-1:eth0'], ['shop/web-2:eth0']]);
  // A file that is begun now has both at once.
  expect(await fields(Buffer.concat([file.head(), packets]), 'frame.interface_name')).toStrictEqual(rows);
});

test('cuts text that an option has no room for, between characters', async () => {
  const file = newFile();
  file.addInterface({ ...eth0, filter: 'host 1.2.3.4 or '.repeat(5000), comment: 'ü'.repeat(40_000) });
  const said = await capinfos(file.head());
  expect(said).toContain(`Comment = ${'ü'.repeat(32_767)}`);
});
