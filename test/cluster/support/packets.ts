/** What the tests look at in a packet of IPv4 or IPv6. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  /** ICMP is also that of IPv6. */
  readonly protocol: 'icmp' | 'tcp' | 'udp';
  /** See {@link echo} for the types. */
  readonly icmp?: { readonly type: number; readonly sequence: number };
  /** Of TCP and UDP. */
  readonly payload: Buffer;
}

const protocols = new Map<number, Packet['protocol']>([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmp'],
]);

/** The types of ICMP for IPv4 and of ICMPv6. */
const echo = { request: [8, 128], reply: [0, 129] };

/**
 * The ICMP, TCP and UDP packets of a little-endian pcap file of Ethernet frames, in the order seen.
 *
 * @param sinceMs since 1970; packets seen earlier are left out
 */
export function parsePcap(file: Buffer, sinceMs: number): Packet[] {
  const packets: Packet[] = [];
  for (let at = 24; at + 16 <= file.length;) {
    const length = file.readUInt32LE(at + 8);
    const seenMs = file.readUInt32LE(at) * 1000 + file.readUInt32LE(at + 4) / 1000;
    const packet = parseFrame(file.subarray(at + 16, at + 16 + length));
    if (packet !== undefined && seenMs >= sinceMs) packets.push(packet);
    at += 16 + length;
  }
  return packets;
}

function parseFrame(frame: Buffer): Packet | undefined {
  const ip = parseIp(frame);
  const protocol = protocols.get(ip?.protocol ?? -1);
  if (ip === undefined || protocol === undefined) return undefined;
  const { source, destination, above } = ip;
  const headerBytes = protocol === 'tcp' ? (above.readUInt8(12) >> 4) * 4 : 8;
  const common = { source, destination, protocol, payload: above.subarray(headerBytes) };
  return protocol === 'icmp'
    ? { ...common, icmp: { type: above.readUInt8(0), sequence: above.readUInt16BE(6) } }
    : common;
}

/** What an Ethernet frame carries; of IPv6 without extension headers. */
function parseIp(frame: Buffer) {
  if (frame.length < 34) return undefined;
  const ip = frame.subarray(14);
  switch (frame.readUInt16BE(12)) {
    case 0x0800:
      return {
        protocol: ip.readUInt8(9),
        source: [...ip.subarray(12, 16)].join('.'),
        destination: [...ip.subarray(16, 20)].join('.'),
        above: ip.subarray((ip.readUInt8(0) & 0xf) * 4, ip.readUInt16BE(2)),
      };
    case 0x86dd:
      return {
        protocol: ip.readUInt8(6),
        source: textOf(ip.subarray(8, 24)),
        destination: textOf(ip.subarray(24, 40)),
        above: ip.subarray(40, 40 + ip.readUInt16BE(4)),
      };
    default:
      return undefined;
  }
}

/** An IPv6 address in its shortest form, which the API has too. */
function textOf(bytes: Buffer): string {
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** The sequence numbers of pings, sorted: of requests or of replies. */
export function pings(packets: readonly Packet[], kind: 'request' | 'reply'): number[] {
  return packets
    .flatMap(({ icmp }) => (icmp !== undefined && echo[kind].includes(icmp.type) ? [icmp.sequence] : []))
    .toSorted((a, b) => a - b);
}

/** All that was sent over a protocol from one address to another, each packet's payload as often as it was seen. */
export function payloads(
  packets: readonly Packet[],
  protocol: 'tcp' | 'udp',
  source: string,
  destination: string,
): Buffer[] {
  return packets
    .filter(
      (packet) =>
        packet.protocol === protocol && packet.source === source && packet.destination === destination,
    )
    .map(({ payload }) => payload);
}
