import { ethernet, icmp, ip, tagged, udp } from './frames.ts';

const addresses = ['10.0.0.6', '10.0.1.7', '10.0.9.20', '192.0.2.1'];
const addresses6 = ['2001:db8::1', '2001:db8::7', '2001:db8::99'];
const pairs = [addresses, addresses6].flatMap((each) =>
  each.flatMap((a) => each.map((b) => [a, b] as const)),
);
/** Of which each of the lists matches some, and some not. */
export const frames = [
  ...pairs.flatMap(([a, b]) => [ip(17, a, b, udp(6)), ip(6, a, b, udp(30, 7)), ip(6, a, b, udp(99))]),
  ip(1, '10.0.0.1', '10.0.0.7', icmp(8, Buffer.alloc(8))),
  ethernet(0x0806, Buffer.alloc(28)),
  ethernet(0x0806, Buffer.concat([Buffer.alloc(14), Buffer.from([10, 0, 0, 7]), Buffer.alloc(10)])),
  Buffer.alloc(13),
].flatMap((frame) => (frame.length < 14 ? [frame] : [frame, tagged(frame)]));

const numbers = Array.from({ length: 30 }, (_, at) => at);
/** Filters with much of one kind. */
export const lists = {
  hosts: numbers.map((n) => `host 10.0.${n % 3}.${n}`).join(' or '),
  'hosts left out': `not (${numbers.map((n) => `host 10.0.${n % 3}.${n}`).join(' or ')})`,
  'hosts of both families': numbers.map((n) => `host 10.0.0.${n} or host 2001:db8::${n}`).join(' or '),
  networks: numbers.map((n) => `net 10.0.${n}.0/${24 + (n % 3)}`).join(' or '),
  ports: numbers.map((n) => `port ${n}`).join(' or '),
  'ports of TCP': `tcp port (${numbers.join(' or ')})`,
  'hosts with ports': numbers.map((n) => `(host 10.0.0.${n} and port ${n})`).join(' or '),
  'hosts without ports': numbers.map((n) => `not (host 10.0.0.${n} and port ${n})`).join(' and '),
  'computed places': numbers.map((n) => `tcp[((tcp[12] & 0xf0) >> 2) + ${n}] = ${n}`).join(' or '),
  'hosts behind a tag': `vlan and (${numbers.map((n) => `host 10.0.${n % 3}.${n}`).join(' or ')})`,
  lengths: numbers.map((n) => `(len > ${n} and len < ${n + (n % 2) * 20})`).join(' or '),
};
