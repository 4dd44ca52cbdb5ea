import { describe, expect, test } from 'vitest';
import { helloPacket, socketType } from '#src/tap/hello.ts';

describe('hello', () => {
  test('is a VXLAN packet of the VNI with an IPv4 frame that ends behind its Ethernet header', () => {
    expect(Buffer.from(helloPacket(0x123456)).toString('hex')).toBe(
      '0800000012345600ffffffffffff026b000000000800',
    );
  });

  test("takes a socket of the address's family", () => {
    expect([socketType('192.0.2.1'), socketType('2001:db8::1')]).toEqual(['udp4', 'udp6']);
  });
});
