import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { packetLine } from '#src/capture/packetLine.ts';

const macs = '02000000000202000000000a';
const ipv4 = (protocol: string, rest: string, fragment = '0000') =>
  `${macs}08004500${(20 + rest.length / 2).toString(16).padStart(4, '0')}0000${fragment}40${protocol}00000a0000010a000002${rest}`;
const ipv6 = (next: string, rest: string) =>
  `${macs}86dd60000000${(rest.length / 2).toString(16).padStart(4, '0')}${next}40fd000000000000000000000000000001fd000000000000000000000000000002${rest}`;
const udp = '30390035000a00006869';

function textOf(hex: string, linkType = 1): string {
  const data = Buffer.from(hex, 'hex');
  const packet = { seconds: 0, nanoseconds: 0, direction: 1, reception: 0, data, originalBytes: 99 } as const;
  return packetLine(packet, linkType).text;
}

test.for([
  ['UDP', ipv4('11', udp), '10.0.0.1:12345 > 10.0.0.2:53 UDP data 2'],
  [
    'TCP',
    ipv4('06', '1f900050000000010000000050120000000000006869'),
    '10.0.0.1:8080 > 10.0.0.2:80 TCP SYN,ACK seq 1 data 2',
  ],
  ['a fragment', ipv4('11', '6869', '0001'), '10.0.0.1 > 10.0.0.2 fragment at 8 of protocol 17'],
  ['ICMP', ipv4('01', '08000000'), '10.0.0.1 > 10.0.0.2 ICMP echo request'],
  ['unknown ICMP', ipv4('01', 'ff070000'), '10.0.0.1 > 10.0.0.2 ICMP type 255 code 7'],
  ['another protocol', ipv4('84', ''), '10.0.0.1 > 10.0.0.2 protocol 132'],
  ['UDP over IPv6', ipv6('11', udp), '[fd00::1]:12345 > [fd00::2]:53 UDP data 2'],
  ['an extension', ipv6('00', `1100000000000000${udp}`), '[fd00::1]:12345 > [fd00::2]:53 UDP data 2'],
  ['ICMPv6', ipv6('3a', '87000000'), '[fd00::1] > [fd00::2] ICMPv6 neighbour solicitation'],
  [
    'ARP',
    `${macs}0806000108000604000102000000000a0a0000010000000000000a000002`,
    'ARP who has 10.0.0.2, says 10.0.0.1',
  ],
  [
    'an answer',
    `${macs}0806000108000604000202000000000a0a0000010000000000000a000002`,
    'ARP 10.0.0.1 is at 02:00:00:00:00:0a',
  ],
  [
    'tags',
    `${macs}88a80006${ipv4('11', udp).slice(24).replace('0800', '810000050800')}`,
    'vlan 6 vlan 5 10.0.0.1:12345 > 10.0.0.2:53 UDP data 2',
  ],
  ['something else', `${macs}88cc`, '02:00:00:00:00:0a > 02:00:00:00:00:02 type 0x88cc'],
  ['what is cut', ipv4('11', ''), 'cut short'],
] as const)('%s', ([, hex, expected]) => {
  expect(textOf(hex)).toBe(`${expected}, 99 bytes`);
});

test('without a link header', () => {
  expect(textOf(ipv4('11', udp).slice(28), 101)).toBe('10.0.0.1:12345 > 10.0.0.2:53 UDP data 2, 99 bytes');
});

test('any bytes have a line', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(1, 101), (data, linkType) => {
      expect(textOf(Buffer.from(data).toString('hex'), linkType)).toMatch(/, 99 bytes$/u);
    }),
  );
});
