import { type Packet, directions } from '#src/pcapng/packetBlock.ts';
import { LINKTYPE_ETHERNET } from './notes.ts';

/** What a line says of a packet, in its parts. */
export interface PacketLine {
  readonly time: string;
  /** `<` in, `>` out, blank: unknown. */
  readonly direction: '<' | '>' | ' ';
  /** Who talks to whom, and what it is. */
  readonly text: string;
}

/** Describes a packet in one line, for a person who wants to see what passes. What it does not know it gives by its numbers. */
export function packetLine(packet: Packet, linkType: number): PacketLine {
  const data = Buffer.from(packet.data.buffer, packet.data.byteOffset, packet.data.byteLength);
  const direction =
    packet.direction === directions.in ? '<' : packet.direction === directions.out ? '>' : ' ';
  return {
    time: timeOf(packet),
    direction,
    text: `${describe(data, linkType)}, ${packet.originalBytes} bytes`,
  };
}

/** The local time of day, to the microsecond. */
function timeOf({ seconds, nanoseconds }: Packet): string {
  const date = new Date(seconds * 1000);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  return `${clock}.${String(Math.floor(nanoseconds / 1000)).padStart(6, '0')}`;
}

/** Whatever was cut off is not described. */
function describe(data: Buffer, linkType: number): string {
  try {
    return linkType === LINKTYPE_ETHERNET ? ethernet(data) : network(data);
  } catch (error) {
    if (error instanceof RangeError) return 'cut short';
    throw error;
  }
}

const TYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, providerVlan: 0x88a8, ipv6: 0x86dd } as const;

function ethernet(data: Buffer): string {
  let at = 12;
  let tags = '';
  let type = data.readUInt16BE(at);
  while (type === TYPE.vlan || type === TYPE.providerVlan) {
    tags += `vlan ${data.readUInt16BE(at + 2) & 0xfff} `;
    at += 4;
    type = data.readUInt16BE(at);
  }
  const rest = data.subarray(at + 2);
  if (type === TYPE.ipv4 || type === TYPE.ipv6) return `${tags}${network(rest)}`;
  if (type === TYPE.arp) return `${tags}${arp(rest)}`;
  const [to, from] = [mac(data, 0), mac(data, 6)];
  return `${tags}${from} > ${to} type 0x${type.toString(16).padStart(4, '0')}`;
}

function arp(data: Buffer): string {
  const [asked, asking] = [ipv4(data, 24), ipv4(data, 14)];
  return data.readUInt16BE(6) === 1
    ? `ARP who has ${asked}, says ${asking}`
    : `ARP ${asking} is at ${mac(data, 8)}`;
}

function network(data: Buffer): string {
  return data.readUInt8(0) >> 4 === 6 ? overIPv6(data) : overIPv4(data);
}

function overIPv4(data: Buffer): string {
  const headerBytes = (data.readUInt8(0) & 0xf) * 4;
  const fragment = data.readUInt16BE(6) & 0x1fff;
  const [from, to] = [ipv4(data, 12), ipv4(data, 16)];
  const protocol = data.readUInt8(9);
  const payloadBytes = data.readUInt16BE(2) - headerBytes;
  if (fragment > 0) return `${from} > ${to} fragment at ${fragment * 8} of protocol ${protocol}`;
  return transport(data.subarray(headerBytes), { from, to, protocol, payloadBytes });
}

/** Headers of extensions that packets usually have. */
const EXTENSIONS = new Set([0, 43, 60]);

function overIPv6(data: Buffer): string {
  const [from, to] = [ipv6(data, 8), ipv6(data, 24)];
  let [at, protocol] = [40, data.readUInt8(6)];
  while (EXTENSIONS.has(protocol)) {
    protocol = data.readUInt8(at);
    at += (data.readUInt8(at + 1) + 1) * 8;
  }
  const payloadBytes = data.readUInt16BE(4) + 40 - at;
  return transport(data.subarray(at), { from: `[${from}]`, to: `[${to}]`, protocol, payloadBytes });
}

interface Conversation {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  readonly payloadBytes: number;
}

const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

function transport(data: Buffer, { from, to, protocol, payloadBytes }: Conversation): string {
  switch (protocol) {
    case PROTOCOL.tcp: {
      const bytes = payloadBytes - (data.readUInt8(12) >> 4) * 4;
      return `${ports(data, from, to)} TCP ${tcpFlags(data.readUInt8(13))} seq ${data.readUInt32BE(4)}${bytes > 0 ? ` data ${bytes}` : ''}`;
    }
    case PROTOCOL.udp:
      return `${ports(data, from, to)} UDP data ${data.readUInt16BE(4) - 8}`;
    case PROTOCOL.icmp:
      return `${from} > ${to} ICMP ${icmp(data, ICMP_TYPES)}`;
    case PROTOCOL.icmpv6:
      return `${from} > ${to} ICMPv6 ${icmp(data, ICMPV6_TYPES)}`;
    default:
      return `${from} > ${to} protocol ${protocol}`;
  }
}

function ports(data: Buffer, from: string, to: string): string {
  return `${from}:${data.readUInt16BE(0)} > ${to}:${data.readUInt16BE(2)}`;
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

function tcpFlags(bits: number): string {
  return TCP_FLAGS.filter((_, index) => (bits >> index) & 1).join(',') || 'no flags';
}

const ICMP_TYPES = new Map([
  [0, 'echo reply'],
  [3, 'unreachable'],
  [5, 'redirect'],
  [8, 'echo request'],
  [11, 'time exceeded'],
]);
const ICMPV6_TYPES = new Map([
  [1, 'unreachable'],
  [2, 'packet too big'],
  [3, 'time exceeded'],
  [128, 'echo request'],
  [129, 'echo reply'],
  [133, 'router solicitation'],
  [134, 'router advertisement'],
  [135, 'neighbour solicitation'],
  [136, 'neighbour advertisement'],
]);

function icmp(data: Buffer, types: ReadonlyMap<number, string>): string {
  const type = data.readUInt8(0);
  return types.get(type) ?? `type ${type} code ${data.readUInt8(1)}`;
}

function ipv4(data: Buffer, at: number): string {
  return [0, 1, 2, 3].map((byte) => data.readUInt8(at + byte)).join('.');
}

/** The longest row of zeros is left out, as everybody writes it. */
function ipv6(data: Buffer, at: number): string {
  const words = [0, 2, 4, 6, 8, 10, 12, 14].map((word) => data.readUInt16BE(at + word).toString(16));
  return new URL(`http://[${words.join(':')}]/`).hostname.slice(1, -1);
}

function mac(data: Buffer, at: number): string {
  return [0, 1, 2, 3, 4, 5]
    .map((byte) =>
      data
        .readUInt8(at + byte)
        .toString(16)
        .padStart(2, '0'),
    )
    .join(':');
}
