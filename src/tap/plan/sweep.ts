import { isHandleOf, macsOf, parseAlias, saysOwned, type TapId } from '#src/tap/ownership/mark.ts';
import type { Link, Observed, Step } from '#src/tap/state.ts';
import { planUnjoined } from './joined.ts';

/**
 * Plans the removal of what taps without an agent left in a network namespace: their devices first, then their filters on
 * any interface, and a clsact qdisc that a tap made and that nobody else has a filter on.
 */
export function planSweep(
  dead: ReadonlySet<TapId>,
  { links, classifiers, liveTaps }: Observed,
): readonly Step[] {
  const isDead = (handle: number | undefined) =>
    [...dead].some((id) => isHandleOf(id, handle)) && ![...liveTaps].some((id) => isHandleOf(id, handle));
  const devices = links.filter((link) => tapOf(link, dead) !== undefined);
  const owned = new Set(devices.flatMap(({ alias }) => parseAlias(alias)?.ownQdiscs ?? []));
  const names = Object.keys(classifiers).filter((name) => !devices.some((link) => link.name === name));
  return [
    ...devices.map(({ name }) => ({ do: 'delete link', link: name }) as const),
    ...planUnjoined({ links }, new Set(devices.map(({ name }) => name))),
    ...names.flatMap((link): Step[] => {
      const { qdisc, filters } = classifiers[link] ?? { qdisc: 'none', filters: [] };
      const theirs = filters.filter(({ handle }) => isDead(handle));
      const isOwn = owned.has(link) || theirs.some(({ handle }) => saysOwned(handle));
      if (qdisc === 'clsact' && theirs.length === filters.length && isOwn)
        return [{ do: 'delete clsact', link }];
      return theirs.map(({ hook, preference, handle = 0 }) => ({
        do: 'delete filter',
        link,
        hook,
        preference,
        handle,
      }));
    }),
  ];
}

/** The tap, of some, that a device is of; a device has its address from the beginning, its alias a moment later. */
function tapOf({ alias, mac }: Link, taps: ReadonlySet<TapId>): TapId | undefined {
  const marked = parseAlias(alias)?.id;
  if (marked !== undefined) return taps.has(marked) ? marked : undefined;
  return [...taps].find((id) => alias === '' && macsOf(id).includes(mac));
}
