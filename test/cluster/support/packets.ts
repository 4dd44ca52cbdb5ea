/** What the tests look at in an IPv4 packet. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly protocol: 'icmp' | 'tcp' | 'udp';
  /** ICMP: 8 is a request, 0 a reply. */
  readonly icmp?: { readonly type: number; readonly sequence: number };
  /** Of TCP and UDP. */
  readonly payload: Buffer;
}

const protocols = new Map<number, Packet['protocol']>([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
]);

/**
 * The ICMP, TCP and UDP packets over IPv4 of a little-endian pcap file of Ethernet frames, in the order seen.
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
  if (frame.length < 34 || frame.readUInt16BE(12) !== 0x0800) return undefined;
  const ip = frame.subarray(14, 14 + frame.readUInt16BE(16));
  const protocol = protocols.get(ip.readUInt8(9));
  if (protocol === undefined) return undefined;
  const above = ip.subarray((ip.readUInt8(0) & 0xf) * 4);
  const source = [...ip.subarray(12, 16)].join('.');
  const destination = [...ip.subarray(16, 20)].join('.');
  const headerBytes = protocol === 'tcp' ? (above.readUInt8(12) >> 4) * 4 : 8;
  const common = { source, destination, protocol, payload: above.subarray(headerBytes) };
  return protocol === 'icmp'
    ? { ...common, icmp: { type: above.readUInt8(0), sequence: above.readUInt16BE(6) } }
    : common;
}

/** The sequence numbers of pings, sorted: of requests or of replies. */
export function pings(packets: readonly Packet[], kind: 'request' | 'reply'): number[] {
  const type = kind === 'request' ? 8 : 0;
  return packets
    .flatMap(({ icmp }) => (icmp?.type === type ? [icmp.sequence] : []))
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
