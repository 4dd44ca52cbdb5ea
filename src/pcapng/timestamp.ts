const BILLION = 1e9;
const WORD = 2 ** 32;

/** A point in time as packets have it: both parts whole, and fewer than a billion nanoseconds. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * Writes a time, in nanoseconds since 1970, as the two words that pcapng has for it. They need more than the 53 bits of a
 * number, and a BigInt for each packet takes longer than all else about it.
 */
export function writeTimestamp(into: Buffer, at: number, { seconds, nanoseconds }: Timestamp): void {
  const upper = (seconds >>> 16) * BILLION;
  const lower = (upper % 65_536) * 65_536 + (seconds & 0xffff) * BILLION + nanoseconds;
  into.writeUInt32LE(Math.floor(upper / 65_536) + Math.floor(lower / WORD), at);
  into.writeUInt32LE(lower % WORD, at + 4);
}

/** Below 0 where the first is earlier. */
export function compareTimes(one: Timestamp, other: Timestamp): number {
  return one.seconds - other.seconds || one.nanoseconds - other.nanoseconds;
}
