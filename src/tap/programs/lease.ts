/**
 * The lease of a tap's copies: a time in the eBPF program that treats them, which the sender's agent moves on. Past it the
 * program drops every copy, so that what an agent left behind is dead. The time is that of CLOCK_MONOTONIC, which is the
 * program's bpf_ktime_get_coarse_ns and the agent's process.hrtime; it stands still while the machine is suspended, as
 * the agent does.
 */

import { leaseLayout, leaseLength } from './layouts.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';

export interface Lease {
  readonly tap: TapId;
  readonly untilNs: bigint;
}

/** The map in which libbpf puts the lease: that of the section which the C code names. */
export const leaseMap = '.data.lease';

/** Bytes as the C code's `lease` has them. */
export function leaseBytes({ tap, untilNs }: Lease): Buffer {
  const bytes = Buffer.alloc(leaseLength);
  leaseMagic.copy(bytes);
  bytes.writeBigUInt64LE(BigInt(`0x${tap}`), leaseLayout.tap);
  bytes.writeBigUInt64LE(untilNs, leaseLayout.until_ns);
  return bytes;
}

/** Reads a lease; undefined when the bytes are none. */
export function parseLease(bytes: Buffer): Lease | undefined {
  if (bytes.length !== leaseLength || !bytes.subarray(0, 8).equals(leaseMagic)) return undefined;
  const tap = bytes.readBigUInt64LE(leaseLayout.tap).toString(16).padStart(12, '0');
  return { tap, untilNs: bytes.readBigUInt64LE(leaseLayout.until_ns) };
}

/**
 * Writes a lease into a compiled object.
 *
 * @throws {Error} when the object has no place for one
 */
export function withLease(object: Uint8Array, lease: Lease): Uint8Array {
  const bytes = Buffer.from(object);
  const at = bytes.indexOf(leaseMagic);
  if (at === -1) throw new Error('The eBPF object has no place for a lease: it is not the one of this agent');
  leaseBytes(lease).copy(bytes, at);
  return bytes;
}

const leaseMagic = Buffer.from('saelokok'); // 0x6b6f6b6f6c656173, little endian
