/**
 * Where the fields of structures of bpf/mirror.bpf.c are, in bytes from their begin, by their names there. A test compares
 * them with the types that the compiler put into the object (BTF).
 */

/** What the agent writes into the object's read-only data. */
export const settingsLayout = {
  magic: 0,
  bytes_per_second: 8,
  burst_ns: 16,
  snaplen: 24,
  one_in: 28,
  fit: 32,
  cut: 36,
  seed: 40,
  mtu: 44,
} as const;

/** A lease, in the object and in its map. */
export const leaseLayout = { magic: 0, tap: 8, until_ns: 16 } as const;
export const leaseLength = 24;

/** What the receiver's reports come to, in the map `reports`. */
export const heardLayout = { reports: 0, last: 8, received: 16, probes: 24, at_ms: 32 } as const;
export const heardLength = 40;
