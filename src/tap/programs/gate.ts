/**
 * The gate of the copies that go past the node's IP stack: a time in the eBPF program that sends them, which the sender's agent
 * moves on as long as nothing of the node wants to treat the tunnel's packets. Past it, and while it is closed, copies go
 * the ordinary way through the VXLAN device. So does the copy whose route names another device than the one that the agent
 * has looked at. The time is that of CLOCK_MONOTONIC, as that of the lease.
 */

import { gateLayout, gateLength } from './layouts.ts';

/** Why the gate is closed: what the program keeps is the place in this list. */
export const gateReasons = [
  'not-looked-yet',
  'peer-silent',
  'no-reports',
  'copies-lost',
  'ipsec-policy',
  'netfilter-rule',
  'underlay-device',
  'forwarding-off',
  'unreadable',
] as const;
export type GateReason = (typeof gateReasons)[number];

export interface Gate {
  /** 0: it is closed. */
  readonly untilNs: bigint;
  /** The kernel's number of the one device that copies may leave by. */
  readonly ifindex: number;
  readonly reason: GateReason;
}

/** The map in which libbpf puts the gate: that of the section which the C code names. */
export const gateMap = '.data.gate';

/** Bytes as the C code's `gate` has them. */
export function gateBytes({ untilNs, ifindex, reason }: Gate): Buffer {
  const bytes = Buffer.alloc(gateLength);
  magic.copy(bytes);
  bytes.writeBigUInt64LE(untilNs, gateLayout.until_ns);
  bytes.writeUInt32LE(ifindex, gateLayout.ifindex);
  bytes.writeUInt32LE(gateReasons.indexOf(reason), gateLayout.reason);
  return bytes;
}

/** Reads a gate; undefined when the bytes are none. */
export function parseGate(bytes: Buffer): Gate | undefined {
  if (bytes.length !== gateLength || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  const reason = gateReasons[bytes.readUInt32LE(gateLayout.reason)];
  if (reason === undefined) return undefined;
  return {
    untilNs: bytes.readBigUInt64LE(gateLayout.until_ns),
    ifindex: bytes.readUInt32LE(gateLayout.ifindex),
    reason,
  };
}

const magic = Buffer.from('etagokok'); // 0x6b6f6b6f67617465, little endian
