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
  bypass: 48,
  vni: 52,
  port: 56,
  local: 60,
  remote: 64,
} as const;

/** A lease, in the object and in its map. */
export const leaseLayout = { magic: 0, tap: 8, until_ns: 16 } as const;
export const leaseLength = 24;

/** The gate of copies that go past the node's IP stack, in the object and in its map. */
export const gateLayout = { magic: 0, until_ns: 8, ifindex: 16, reason: 20 } as const;
export const gateLength = 24;

/** What a program counted of a direction, in the map `counts`. */
export const countLayout = {
  seen: 0,
  sampled_out: 8,
  shed: 16,
  unfit: 24,
  copied: 32,
  copied_bytes: 40,
  sent: 48,
  bypassed: 56,
  unmeasured: 64,
} as const;
export const countLength = 72;

/** What the receiver's reports come to, in the map `reports`. */
export const lastReportLayout = { reports: 0, last: 8, received: 16, probes: 24, at_ms: 32 } as const;
export const lastReportLength = 40;
