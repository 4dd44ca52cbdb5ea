import { parseAddress } from '#src/spec/address.ts';

/** An Ethernet frame. */
export function ethernet(etherType: number, payload: Buffer, source = '02:00:00:00:00:01'): Buffer {
  const header = Buffer.alloc(14);
  header.write(source.replaceAll(':', ''), 6, 'hex');
  header.writeUInt16BE(etherType, 12);
  return Buffer.concat([header, payload]);
}

/** An Ethernet frame with an IP packet. */
export function ip(protocol: number, source: string, destination: string, payload: Buffer): Buffer {
  return parseAddress(source)?.family === 'IPv6'
    ? ethernet(0x86dd, ipv6(protocol, source, destination, payload))
    : ethernet(0x0800, ipv4(protocol, source, destination, payload));
}

/** An IPv4 packet. */
export function ipv4(
  protocol: number,
  source: string,
  destination: string,
  payload: Buffer,
  fragmentOffset = 0,
): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45);
  header.writeUInt16BE(fragmentOffset, 6);
  header.writeUInt8(protocol, 9);
  Buffer.from([...source.split('.'), ...destination.split('.')].map(Number)).copy(header, 12);
  return Buffer.concat([header, payload]);
}

/** An IPv6 packet; addresses are of the form `2001:db8::N`. */
export function ipv6(protocol: number, source: string, destination: string, payload: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt8(0x60);
  header.writeUInt8(protocol, 6);
  for (const [address, at] of [
    [source, 8],
    [destination, 24],
  ] as const) {
    header.write('20010db8', at, 'hex');
    header.writeUInt16BE(Number.parseInt(address.split('::')[1] ?? '', 16), at + 14);
  }
  return Buffer.concat([header, payload]);
}

/** A UDP datagram of 8 bytes payload. */
export function udp(destinationPort: number, sourcePort = 50_000): Buffer {
  const datagram = Buffer.alloc(16);
  datagram.writeUInt16BE(sourcePort, 0);
  datagram.writeUInt16BE(destinationPort, 2);
  return datagram;
}

/** An ICMP or ICMPv6 message that quotes a packet. */
export function icmp(type: number, quoted: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), quoted]);
}

/** The frame with an 802.1Q tag. */
export function tagged(frame: Buffer): Buffer {
  return Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0x00, 0x00, 0x05]), frame.subarray(12)]);
}
