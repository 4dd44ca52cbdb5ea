import { describe, expect, test } from 'vitest';
import { helloCount, helloPacket, socketType } from '#src/tap/hello.ts';

describe('hello', () => {
  test('is a VXLAN packet of the VNI with an IPv4 frame that ends behind its Ethernet header', () => {
    expect(Buffer.from(helloPacket(0x123456)).toString('hex')).toBe(
      '0800000012345600ffffffffffff026b000000000800',
    );
  });

  test('is counted in the column of malformed frames', () => {
    const netDev = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
      ' mirror2:     0       0    9    0    0     9          0         0        0       0    0    0    0     0       0          0',
      'mirror:     460      10   10   11    0    12         0         0      712      13    0    0    0     0       0          0',
    ].join('\n');
    expect(helloCount(netDev, 'mirror')).toBe(12);
    expect(helloCount(netDev, 'absent')).toBe(0);
  });

  test("takes a socket of the address's family", () => {
    expect([socketType('192.0.2.1'), socketType('2001:db8::1')]).toEqual(['udp4', 'udp6']);
  });
});
