import { isIPv6 } from './address.ts';
import type { Wanted } from './state.ts';

/** What VXLAN adds to a packet on the underlay, in bytes: IP, UDP, VXLAN and the inner Ethernet header. */
export function overheadBytes(remote: string): number {
  return isIPv6(remote) ? 70 : 50;
}

/** What becomes of copies that are too large for the underlay. */
export interface Fit {
  /** The largest packet that the underlay takes. */
  readonly underlayMtuBytes: number;
  /** The largest packet that a copy can become on it. */
  readonly largestCopyBytes: number;
  /** TCP is cut so that it fits: only where it needs to be, and the eBPF programs are there. */
  readonly fitting: boolean;
  /** For people: why so, and what happens to other copies. */
  readonly says: string;
}

/**
 * Works out {@link Fit}.
 *
 * @param remote the other end's address
 * @param targetMtuBytes the greatest MTU of the interfaces whose packets are copied
 * @param object the eBPF object, if there is one
 */
export function fitOf(
  remote: string,
  underlayMtuBytes: number,
  targetMtuBytes: number,
  object: Wanted['object'],
): Fit {
  const largestCopyBytes = targetMtuBytes + overheadBytes(remote);
  const needed = largestCopyBytes > underlayMtuBytes;
  const fitting = needed && object !== undefined;
  return { underlayMtuBytes, largestCopyBytes, fitting, says: notice(isIPv6(remote), needed, fitting) };
}

/** The largest packet in bytes that a copy can become and that travels whole. */
export function largestWholeBytes({ underlayMtuBytes, largestCopyBytes }: Fit): number {
  return Math.min(underlayMtuBytes, largestCopyBytes);
}

function notice(overIPv6: boolean, needed: boolean, fitting: boolean): string {
  if (!needed) return 'every copy fits the underlay';
  if (fitting)
    return `TCP is cut to fit the underlay; other copies that are too large ${overIPv6 ? 'lose their end' : 'travel as two fragments'}`;
  return `copies that are larger than the underlay takes ${overIPv6 ? 'the kernel drops' : 'the kernel sends as two fragments'}`;
}
