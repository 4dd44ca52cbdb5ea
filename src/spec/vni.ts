/** VNIs have 24 bits (RFC 7348, section 5). Linux takes 0 too, but kokotap does not. */
export const MAX_VNI = 16_777_215;

/** VNIs from the first to the last, both included. */
export interface VniRange {
  readonly first: number;
  readonly last: number;
}

export interface NumberedTap {
  readonly tapId: string;
  readonly vni: number;
}

/**
 * The VNI for a tap whose user named none: the one it already has in the cluster, else one that follows from
 * its id, moved upward past those of other taps. A cluster has by far fewer pods than there are VNIs.
 */
export function chooseVni(tapId: string, taps: readonly NumberedTap[]): number {
  const own = vnisOf(tapId, taps);
  if (own.length > 0) return Math.min(...own);
  const taken = new Set(taps.map(({ vni }) => vni));
  return freeVni(tapId, (vni) => taken.has(vni));
}

/** The VNI that follows from a tap's id, moved upward past those that are taken. */
export function freeVni(tapId: string, isTaken: (vni: number) => boolean): number {
  let vni = derivedVni(tapId);
  while (isTaken(vni)) vni = (vni % MAX_VNI) + 1;
  return vni;
}

/**
 * The VNI of a range for a tap: the one of it that the tap already has, else the first that no other tap has. Undefined:
 * others have all of them.
 */
export function chooseVniOf(
  { first, last }: VniRange,
  tapId: string,
  taps: readonly NumberedTap[],
): number | undefined {
  const own = vnisOf(tapId, taps).filter((vni) => vni >= first && vni <= last);
  if (own.length > 0) return Math.min(...own);
  const taken = new Set(taps.map(({ vni }) => vni));
  for (let vni = first; vni <= last; vni++) if (!taken.has(vni)) return vni;
  return undefined;
}

function vnisOf(tapId: string, taps: readonly NumberedTap[]): number[] {
  return taps.flatMap((tap) => (tap.tapId === tapId ? tap.vni : []));
}

function derivedVni(tapId: string): number {
  return (Number.parseInt(tapId, 16) % MAX_VNI) + 1;
}
