/** A piece of a TCP stream. */
export interface Segment {
  /** Where in the stream it begins: TCP's sequence number. */
  readonly from: number;
  /** Of its payload, also where the capture has less of it. */
  readonly length: number;
  readonly payload: Buffer;
}

/** The TCP segment of a frame, IPv4 or IPv6 without extension headers, to a port; undefined for other frames. */
export function segment(frame: string, toPort: number): Segment | undefined {
  const bytes = Buffer.from(frame, 'hex');
  const isIPv6 = bytes.readUInt16BE(12) === 0x86dd;
  if (bytes[isIPv6 ? 20 : 23] !== 6) return undefined;
  const ip = bytes.subarray(14);
  const headerLength = isIPv6 ? 40 : ((ip[0] ?? 0) & 15) * 4;
  const tcp = ip.subarray(headerLength);
  if (tcp.readUInt16BE(2) !== toPort) return undefined;
  const ipLength = isIPv6 ? ip.readUInt16BE(4) + 40 : ip.readUInt16BE(2);
  const tcpLength = ((tcp[12] ?? 0) >> 4) * 4;
  const length = ipLength - headerLength - tcpLength;
  return { from: tcp.readUInt32BE(4), length, payload: tcp.subarray(tcpLength, tcpLength + length) };
}

/** How many bytes of a stream the segments cover. */
export function covered(segments: readonly Segment[]): number {
  let count = 0;
  for (const { length } of inOrder(segments)) count += length;
  return count;
}

/** The bytes of a stream that the segments have, each once and in order. */
export function reassemble(segments: readonly Segment[]): Buffer {
  return Buffer.concat(inOrder(segments).map(({ payload }) => payload));
}

/** The segments in the stream's order, without what an earlier one has already. */
function inOrder(segments: readonly Segment[]): Segment[] {
  const first = segments[0]?.from ?? 0;
  const place = ({ from }: Segment) => (from - first) | 0; // sequence numbers begin anew after 2^32
  let end = -Infinity;
  return segments
    .filter(({ length }) => length > 0)
    .toSorted((a, b) => place(a) - place(b))
    .flatMap((each) => {
      const known = Math.max(0, Math.min(each.length, end - place(each)));
      end = Math.max(end, place(each) + each.length);
      return known === each.length
        ? []
        : [{ from: each.from + known, length: each.length - known, payload: each.payload.subarray(known) }];
    });
}
