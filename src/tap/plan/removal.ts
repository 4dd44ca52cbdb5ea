import { isHandleOf } from '#src/tap/ownership/mark.ts';
import type { Desired, Filter, Observed, Step } from '#src/tap/state.ts';
import { planUnjoined } from './joined.ts';
import { classifier, isOurs, ownsQdisc } from './ours.ts';

/**
 * Plans the end of the tap: what is its own goes, everything else stays as it is. The device goes first, and with it all
 * copying: the kernel takes it out of the filters that copy to it, which then do nothing. No steps: nothing is left.
 */
export function planRemoval(desired: Desired, observed: Observed): readonly Step[] {
  const { ifname, joinedInto } = desired;
  const mirror = observed.links.find((link) => link.name === ifname && isOurs(link, desired));
  const names = Object.keys(observed.classifiers).filter((name) => name !== mirror?.name);
  return [
    ...(mirror === undefined ? [] : [{ do: 'delete link', link: ifname } as const]),
    ...(joinedInto === undefined ? [] : planUnjoined(observed, new Set([ifname]), new Set([joinedInto]))),
    ...names.flatMap((name) => planCleaning(desired, observed, name)),
  ];
}

/**
 * Plans the way back from a convergence that failed: what of this tap is there now and was not there before goes.
 *
 * @param before what was observed before its first step
 */
export function planUndo(desired: Desired, before: Observed, now: Observed): readonly Step[] {
  const mirror = now.links.find(
    (link) =>
      link.name === desired.ifname &&
      isOurs(link, desired) &&
      !before.links.some(({ name, mac }) => name === link.name && mac === link.mac),
  );
  const wasJoined = before.links.some(({ name }) => name === desired.joinedInto);
  const unjoined =
    desired.joinedInto === undefined || wasJoined
      ? []
      : planUnjoined(now, new Set([desired.ifname]), new Set([desired.joinedInto]));
  const leaving = new Set([mirror?.name, ...unjoined.map(({ link }) => link)]);
  const names = Object.keys(now.classifiers).filter((name) => !leaving.has(name));
  return [
    ...(mirror === undefined ? [] : [{ do: 'delete link', link: mirror.name } as const]),
    ...unjoined,
    ...names.flatMap((name) => undoOn(name, desired, before, now)),
  ];
}

/** Takes our filters off an interface, and a qdisc that a tap made, unless another's filter is on it. */
export function planCleaning(desired: Desired, observed: Observed, link: string): Step[] {
  const { qdisc, filters } = classifier(observed.classifiers[link]);
  const ours = filters.filter(({ handle }) => isHandleOf(desired.id, handle));
  const isLast = ours.length === filters.length;
  // The qdisc takes its filters with it.
  if (qdisc === 'clsact' && isLast && ownsQdisc(desired, observed, link))
    return [{ do: 'delete clsact', link }];
  return ours.map((filter) => deleteFilter(link, filter));
}

export function isSamePlace(a: Place, b: Place): boolean {
  return a.hook === b.hook && a.preference === b.preference && a.handle === b.handle;
}

export function deleteFilter(link: string, { hook, preference, handle = 0 }: Filter): Step {
  return { do: 'delete filter', link, hook, preference, handle };
}

type Place = Pick<Filter, 'hook' | 'preference' | 'handle'>;

function undoOn(link: string, { id }: Desired, before: Observed, now: Observed): Step[] {
  const was = classifier(before.classifiers[link]);
  const { qdisc, filters } = classifier(now.classifiers[link]);
  const made = filters.filter(
    (filter) => isHandleOf(id, filter.handle) && !was.filters.some((other) => isSamePlace(filter, other)),
  );
  const madeQdisc = was.qdisc === 'none' && qdisc === 'clsact' && made.length === filters.length;
  if (!madeQdisc) return made.map((filter) => deleteFilter(link, filter));
  const hadQueue = before.links.find(({ name }) => name === link)?.hasQueue !== false;
  return [{ do: 'delete clsact', link }, ...(hadQueue ? [] : [{ do: 'remove queue', link } as const])];
}
