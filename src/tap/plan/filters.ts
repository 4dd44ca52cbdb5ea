import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#src/errors.ts';
import { isHandleOf, isTapHandle } from '#src/tap/ownership/mark.ts';
import {
  type Classifier,
  copiesTo,
  type Desired,
  type Filter,
  type Link,
  type Observed,
  type OurFilter,
  type Step,
} from '#src/tap/state.ts';
import { refuseTaken } from './conflicts.ts';
import { classifier, isOurs, isRight } from './ours.ts';
import { deleteFilter, isSamePlace } from './removal.ts';

/**
 * Makes the qdiscs that filters are to be on. With any qdisc the kernel gives a device without a queue one of 1000 packets
 * (qdisc_create, "Caught tx_queue_len zero misconfig"), and would leave it so.
 */
export function planQdiscs(
  desired: Desired,
  observed: Observed,
  links: readonly Pick<Link, 'name' | 'hasQueue'>[],
): Step[] {
  const bare = links.filter(({ name }) => seenOn(desired, observed, name).qdisc === 'none');
  const withoutQueue = bare.filter(({ hasQueue }) => !hasQueue);
  return [
    ...bare.map(({ name }) => ({ do: 'add clsact', link: name }) as const),
    ...withoutQueue.map(({ name }) => ({ do: 'remove queue', link: name }) as const),
  ];
}

export function planFilters(
  desired: Desired,
  observed: Observed,
  link: string,
  needed: readonly OurFilter[],
): Step[] {
  const { qdisc, filters } = seenOn(desired, observed, link);
  if (qdisc === 'ingress' && needed.some(({ hook }) => hook === 'egress'))
    throw new UserError(
      `Interface ${link} has an ingress qdisc that is not kokotap's, so what it sends cannot be copied: remove that qdisc or choose --mirrortype=ingress`,
    );
  const ours = filters.filter(({ handle }) => isHandleOf(desired.id, handle));
  const wrong = ours.filter((filter) => !needed.some((other) => sameFilter(filter, other)));
  const absent = needed.filter((filter) => !ours.some((other) => sameFilter(other, filter)));
  for (const filter of absent) refuseTaken(link, filter, filters);
  const inPlace = (filter: Filter) => absent.some((other) => isSamePlace(filter, other));
  const leaving = [
    ...wrong.filter((filter) => !inPlace(filter)),
    ...filters.filter((filter) => isLeftOver(filter, desired, observed)),
  ];
  return [
    ...leaving.map((filter) => deleteFilter(link, filter)),
    ...absent.map((filter): Step => {
      const isThere = wrong.some((other) => isSamePlace(other, filter));
      return { do: isThere ? 'replace filter' : 'add filter', link, filter };
    }),
  ];
}

/** A device that is about to be made anew has nothing on it, whatever is seen on the old one. */
function seenOn(desired: Desired, observed: Observed, link: string): Classifier {
  const fresh =
    link === desired.ifname &&
    !observed.links.some((seen) => isOurs(seen, desired) && isRight(seen, desired));
  return classifier(fresh ? undefined : observed.classifiers[link]);
}

/** A dead tap's filter that copies to a device that is gone, or that is about to be ours. */
function isLeftOver(
  { handle, action }: Filter,
  { id, ifname }: Desired,
  { links, liveTaps }: Observed,
): boolean {
  if (
    !isTapHandle(handle) ||
    isHandleOf(id, handle) ||
    [...liveTaps].some((live) => isHandleOf(live, handle))
  )
    return false;
  const copyTo = copiesTo({ action });
  return copyTo === ifname || !links.some(({ name }) => name === copyTo);
}

function sameFilter(a: Filter, b: OurFilter): boolean {
  return (
    a.hook === b.hook &&
    a.preference === b.preference &&
    a.handle === b.handle &&
    a.program === b.program &&
    isDeepStrictEqual(a.action, b.action)
  );
}
