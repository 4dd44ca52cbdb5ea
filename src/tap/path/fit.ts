import { isIPv6 } from '#src/spec/address.ts';
import type { Desired } from '#src/tap/state.ts';

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
 * @param remote the peer's address
 * @param targetMtuBytes the greatest MTU of the interfaces whose packets are copied
 * @param object the eBPF object, if there is one
 */
export function fitOf(
  remote: string,
  underlayMtuBytes: number,
  targetMtuBytes: number,
  object: Desired['object'],
): Fit {
  const largestCopyBytes = targetMtuBytes + overheadBytes(remote);
  const needed = largestCopyBytes > underlayMtuBytes;
  const fitting = needed && object !== undefined;
  // IPv4 cuts at multiples of 8 bytes behind its header.
  const fragments = Math.ceil((largestCopyBytes - 20) / Math.floor((underlayMtuBytes - 20) / 8) / 8);
  const says = needed ? notice(isIPv6(remote), fitting, fragments) : 'every copy fits the underlay';
  return { underlayMtuBytes, largestCopyBytes, fitting, says };
}

/** The largest packet in bytes that a copy can become and that travels whole. */
export function largestWholeBytes({ underlayMtuBytes, largestCopyBytes }: Fit): number {
  return Math.min(underlayMtuBytes, largestCopyBytes);
}

function notice(overIPv6: boolean, fitting: boolean, fragments: number): string {
  const inFragments = `in up to ${fragments} fragments`;
  if (fitting)
    return `TCP is cut to fit the underlay; other copies that are too large ${overIPv6 ? 'lose their last bytes' : `travel ${inFragments}`}`;
  return `copies that are larger than the underlay takes the kernel ${overIPv6 ? 'drops' : `sends ${inFragments}`}`;
}
