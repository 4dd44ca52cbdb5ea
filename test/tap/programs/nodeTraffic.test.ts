import { describe, expect, test } from 'vitest';
import { compilePcapFilter } from '#src/net/pcapFilter.ts';
import { mayWrap, tunnelTraffic } from '#src/tap/programs/nodeTraffic.ts';
import { runClassicBpf } from '../../filter/support/classicBpf.ts';
import { ethernet, icmp, ip, ipv4, ipv6, tagged, udp } from '../../filter/support/frames.ts';

const [a, b, other] = ['192.0.2.1', '192.0.2.2', '192.0.2.9'];
const [a6, b6, other6] = ['2001:db8::1', '2001:db8::2', '2001:db8::9'];
const [tcpNumber, udpNumber, espNumber, ahNumber, icmpNumber, icmp6Number] = [6, 17, 50, 51, 1, 58];
const some = Buffer.alloc(24);

function laterFragment(protocol: number, source: string, destination: string): Buffer {
  return ethernet(0x0800, ipv4(protocol, source, destination, some, 0x2003));
}

const quotedCopy = ipv4(udpNumber, a, b, udp(4789));
const quotedCopy6 = ipv6(udpNumber, a6, b6, udp(4789));

/** Between the ends at `a` and `b`, or `a6` and `b6`. */
const leftOut: [string, Buffer][] = [
  ['copies of this tap', ip(udpNumber, a, b, udp(4789))],
  ['copies of another tap', ip(udpNumber, other, a, udp(4789))],
  ['copies over IPv6', ip(udpNumber, a6, b6, udp(4789))],
  ['the later fragments of copies', laterFragment(udpNumber, a, b)],
  ['the later fragments of what comes back', laterFragment(udpNumber, b, a)],
  ['ESP between the ends', ip(espNumber, a, b, some)],
  ['AH between the ends', ip(ahNumber, b, a, some)],
  ['ESP between the ends over IPv6', ip(espNumber, a6, b6, some)],
  ['AH between the ends over IPv6', ip(ahNumber, b6, a6, some)],
  ...[3, 5, 11, 12].map((type): [string, Buffer] => [
    `an ICMP error of type ${type} that quotes a copy`,
    ip(icmpNumber, other, a, icmp(type, quotedCopy)),
  ]),
  ...[1, 127].map((type): [string, Buffer] => [
    `an ICMPv6 error of type ${type} that quotes a copy`,
    ip(icmp6Number, other6, a6, icmp(type, quotedCopy6)),
  ]),
];

const copied: [string, Buffer][] = [
  ['UDP to another port', ip(udpNumber, a, b, udp(4788))],
  ['UDP from the port of the tunnels', ip(udpNumber, a, b, udp(53, 4789))],
  ['TCP to the port of the tunnels', ip(tcpNumber, a, b, udp(4789))],
  ['later fragments of TCP between the ends', laterFragment(tcpNumber, a, b)],
  ['later fragments to another machine', laterFragment(udpNumber, a, other)],
  ['later fragments from another machine', laterFragment(udpNumber, other, a)],
  ['the first fragment of another datagram', ethernet(0x0800, ipv4(udpNumber, a, b, udp(53), 0x2000))],
  ['ESP to another machine', ip(espNumber, a, other, some)],
  ['ESP to another machine over IPv6', ip(espNumber, a6, other6, some)],
  ['a ping that looks like an error', ip(icmpNumber, a, b, icmp(8, quotedCopy))],
  ['an ICMP error that quotes TCP', ip(icmpNumber, b, a, icmp(3, ipv4(tcpNumber, a, b, udp(4789))))],
  ['an ICMP error about another port', ip(icmpNumber, b, a, icmp(3, ipv4(udpNumber, a, b, udp(53))))],
  ['an ICMPv6 message that is no error', ip(icmp6Number, a6, b6, icmp(128, quotedCopy6))],
  ['an ICMPv6 error that quotes TCP', ip(icmp6Number, b6, a6, icmp(1, ipv6(tcpNumber, a6, b6, udp(4789))))],
  ['an ICMPv6 error about another port', ip(icmp6Number, b6, a6, icmp(1, ipv6(udpNumber, a6, b6, udp(53))))],
  ['ARP', ethernet(0x0806, some)],
];

describe('the traffic of tunnels, which a tap of a node leaves out', async () => {
  const overIPv4 = await compilePcapFilter(tunnelTraffic({ local: a, remote: b }));
  const overIPv6 = await compilePcapFilter(tunnelTraffic({ local: a6, remote: b6 }));
  /** The first tunnel knows only its own ends' fragments and encrypted packets. */
  const isLeftOut = (frame: Buffer) => [overIPv4, overIPv6].some((each) => runClassicBpf(each, frame) > 0);

  test.each(leftOut)('is %s', (_, frame) => {
    expect([isLeftOut(frame), isLeftOut(tagged(frame))]).toEqual([true, true]);
  });

  test.each(copied)('is not %s', (_, frame) => {
    expect([isLeftOut(frame), isLeftOut(tagged(frame))]).toEqual([false, false]);
  });
});

test('packets pass these kinds of devices as they are, and no others', () => {
  const plain = ['', 'veth', 'bridge', 'openvswitch', 'bond', 'team', 'vlan', 'macvlan', 'macvtap', 'ipvlan'];
  expect(plain.filter(mayWrap)).toEqual([]);
  const wrapping = ['wireguard', 'vxlan', 'geneve', 'ipip', 'sit', 'gre', 'macsec', 'xfrm', 'tun'];
  expect(wrapping.filter(mayWrap)).toEqual(wrapping);
});
