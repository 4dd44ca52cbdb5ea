import { expect, test } from 'vitest';
import { guardName, guardOwner, guardRules } from '#src/tap/guard.ts';
import { probePacket } from '#src/tap/probe.ts';
import { reportPacket } from '#src/tap/report.ts';

const hex = (packet: Uint8Array) => Buffer.from(packet).toString('hex');

test('a report is a VXLAN packet of the VNI with a frame of its own type', () => {
  expect(hex(reportPacket(0x123456, { packets: 258, probes: 3 }))).toBe(
    '0800000012345600' +
      'ffffffffffff066b0000000088b5' +
      '6b6f6b6f' +
      '0000000000000102' +
      '0000000000000003',
  );
  expect(hex(reportPacket(1, { packets: 0, probes: undefined }))).toMatch(/f{16}$/u);
});

test('a probe is as long as it is to be, and no VXLAN device takes it', () => {
  expect(probePacket(0x123456, 1500, 20)).toHaveLength(1472);
  expect(probePacket(0x123456, 1500, 40)).toHaveLength(1452);
  expect(hex(probePacket(0x123456, 100, 20).subarray(0, 12))).toBe('080000001234567000000000');
});

test("a guard's table is known for its tap's, and no other table is", () => {
  expect(guardOwner(guardName('aabbccddeeff', 'sender'))).toBe('aabbccddeeff');
  for (const name of ['kokotap-aabbccddeeff', 'filter', 'kokotap-aabbccddeeff-receiver2'])
    expect(guardOwner(name)).toBeUndefined();
});

test('a guard lets the other end in, and nobody else of its VNI, over either family', () => {
  const rules = guardRules('t', { vni: 100, port: 4789, local: '2001:db8::1', remote: '2001:db8::2' });
  expect(rules).toContain('ip6 saddr 2001:db8::2 udp dport 4789 @th,96,32 25600 accept');
  expect(rules).toContain('udp dport 4789 @th,96,24 100 ip6 saddr != 2001:db8::2 drop');
  expect(rules).toContain('udp dport 4789 @th,96,24 100 meta nfproto ipv4 drop');
  expect(rules).toContain('udp dport 4789 @th,96,32 25712 counter name probes drop');
});
