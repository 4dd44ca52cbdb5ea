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
  const id = 'aabbccddeeff';
  for (const role of ['sender', 'receiver'] as const) {
    expect(guardName(id, role)).toBe(`kokotap-${id}-${role}`);
    expect(guardOwner(guardName(id, role))).toBe(id);
  }
  for (const name of [`kokotap-${id}`, 'filter', `kokotap-${id}-receiver2`, `my-kokotap-${id}-sender`])
    expect(guardOwner(name)).toBeUndefined();
});

test('a guard lets the other end in, and nobody else of its VNI, over either family', () => {
  const tunnel = { vni: 100, port: 4789, local: '192.0.2.1', remote: '192.0.2.2' };
  expect(guardRules('t', tunnel).split('\n')).toEqual([
    'add table inet t',
    'delete table inet t',
    'add table inet t',
    'add counter inet t probes',
    'add chain inet t input { type filter hook input priority raw; }',
    'add rule inet t input ip saddr 192.0.2.2 udp dport 4789 @th,96,32 25600 accept',
    'add rule inet t input udp dport 4789 @th,96,24 100 ip saddr != 192.0.2.2 drop',
    'add rule inet t input udp dport 4789 @th,96,24 100 meta nfproto ipv6 drop',
    'add rule inet t input udp dport 4789 @th,96,32 25712 counter name probes drop',
  ]);
  const over6 = guardRules('t', { ...tunnel, remote: '2001:db8::2' });
  expect(over6).toContain('ip6 saddr 2001:db8::2 udp dport 4789 @th,96,32 25600 accept');
  expect(over6).toContain('udp dport 4789 @th,96,24 100 ip6 saddr != 2001:db8::2 drop');
  expect(over6).toContain('udp dport 4789 @th,96,24 100 meta nfproto ipv4 drop');
});
