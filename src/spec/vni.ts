/** VNIs have 24 bits (RFC 7348, section 5). Linux takes 0 too, but kokotap does not. */
export const MAX_VNI = 16_777_215;

export interface NumberedTap {
  readonly tapId: string;
  readonly vni: number;
}

/**
 * The VNI for a tap whose user named none: the one it already has in the cluster, else one that follows from
 * its id, moved upward past those of other taps. A cluster has by far fewer pods than there are VNIs.
 */
export function chooseVni(tapId: string, taps: readonly NumberedTap[]): number {
  const own = taps.filter((tap) => tap.tapId === tapId).map(({ vni }) => vni);
  if (own.length > 0) return Math.min(...own);
  const taken = new Set(taps.map(({ vni }) => vni));
  let vni = derivedVni(tapId);
  while (taken.has(vni)) vni = (vni % MAX_VNI) + 1;
  return vni;
}

function derivedVni(tapId: string): number {
  return (Number.parseInt(tapId, 16) % MAX_VNI) + 1;
}
