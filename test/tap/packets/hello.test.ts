import { describe, expect, test } from 'vitest';
import { helloCount, helloPacket, socketType } from '#src/tap/packets/hello.ts';

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

test.each([
  ['6.10.0', 0, 7, 0],
  ['6.18.44-amd64', 3, 7, 3],
  ['7.0.0', 0, 7, 0],
  ['6.9.12', 0, 7, 7],
  ['6.1.0-44-amd64', 3, 7, 3],
  ['5.14.0-503.el9.x86_64', 0, 7, 7],
])(
  'Linux %s with %i malformed packets of %i shows %i hellos',
  (release, malformedPackets, receivedPackets, count) => {
    expect(helloCount({ malformedPackets, receivedPackets, sentPackets: 0 }, release)).toBe(count);
  },
);
