import { expect, test } from 'vitest';
import { probePacket } from '#src/tap/packets/probe.ts';
import { reportPacket } from '#src/tap/packets/receiverReport.ts';

const hex = (packet: Uint8Array) => Buffer.from(packet).toString('hex');

test('a report is a VXLAN packet of the VNI with a frame of its own type', () => {
  expect(hex(reportPacket(0x123456, { packets: 258, probes: 3, atMs: 1.5 }))).toBe(
    '0800000012345600' +
      'ffffffffffff066b0000000088b5' +
      '6b6f6b6f' +
      '0000000000000102' +
      '0000000000000003' +
      '0000000000000001',
  );
  expect(hex(reportPacket(1, { packets: 0, probes: undefined, atMs: 0 }))).toMatch(/f{16}0{16}$/u);
});

test('a probe is as long as it is to be, and no VXLAN device takes it', () => {
  expect(probePacket(0x123456, 1500, 20)).toHaveLength(1472);
  expect(probePacket(0x123456, 1500, 40)).toHaveLength(1452);
  expect(hex(probePacket(0x123456, 100, 20).subarray(0, 12))).toBe('080000001234567000000000');
});
