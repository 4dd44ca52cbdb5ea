import { parseAlias, saysOwned } from '#src/tap/ownership/mark.ts';
import type { Classifier, Desired, Link, Observed, Vxlan } from '#src/tap/state.ts';

export function isOurs(link: Link, { id, mac }: Pick<Desired, 'id' | 'mac'>): boolean {
  const mark = parseAlias(link.alias);
  return mark === undefined ? link.alias === '' && link.mac === mac : mark.id === id;
}

export function isRight(link: Link, { ifname, mac, device }: Desired): boolean {
  if (link.name !== ifname || link.mac !== mac || link.kind !== device.kind) return false;
  return device.kind !== 'vxlan' || (link.vxlan !== undefined && sameVxlan(link.vxlan, device));
}

/**
 * A tap made the qdisc of an interface when its marks say so, when this agent remembers it, or when it is about to make
 * it. Each mark outlives the loss of the other: the alias goes with the device, the handles go with the filters.
 */
export function ownsQdisc({ id, ifname, ownQdiscs }: Desired, observed: Observed, target: string): boolean {
  const { qdisc, filters } = classifier(observed.classifiers[target]);
  const mark = parseAlias(observed.links.find(({ name }) => name === ifname)?.alias ?? '');
  return (
    qdisc === 'none' ||
    ownQdiscs.has(target) ||
    (mark?.id === id && mark.ownQdiscs.includes(target)) ||
    filters.some(({ handle }) => saysOwned(handle))
  );
}

export function classifier(seen: Classifier | undefined): Classifier {
  return seen ?? { qdisc: 'none', filters: [] };
}

function sameVxlan(a: Vxlan, b: Vxlan): boolean {
  return (
    a.vni === b.vni &&
    a.port === b.port &&
    a.local === b.local &&
    a.remote === b.remote &&
    a.udpChecksum === b.udpChecksum
  );
}
