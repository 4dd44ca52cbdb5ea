import { aliasOf } from '#src/tap/ownership/mark.ts';
import type { Desired, Link, Observed, Step } from '#src/tap/state.ts';
import { missingTargets, targetLinks } from '#src/tap/targets.ts';
import { placesAhead } from './ahead.ts';
import { planClearing } from './conflicts.ts';
import { copyFilters, deviceFilters } from './desiredFilters.ts';
import { addDevice, isPairOf, pairMtu, planBlackhole, planMerging, planMtu, planPair } from './device.ts';
import { planFilters, planQdiscs } from './filters.ts';
import { desiredJoined } from './joined.ts';
import { ownsQdisc } from './ours.ts';
import { planCleaning } from './removal.ts';

/** The way from the observed state to the desired one. */
export interface Plan {
  readonly steps: readonly Step[];
  /** What has to appear first and is not this agent's to make. */
  readonly missing?: string;
}

/**
 * Plans what makes one end of a tap be as desired. No steps: it is. The same plan serves the first start, a start
 * over what a killed agent left, and a repair.
 *
 * @throws {UserError} when something that is not ours is in the way; nothing of it is ever replaced.
 */
export function planRepairs(desired: Desired, observed: Observed): Plan {
  const joined = desiredJoined(desired);
  if (joined === undefined) return planAlone(desired, observed);
  // What the endpoint hands its packets over to has to be there before.
  const { steps } = planAlone(joined, only(joined.ifname, observed));
  const own = planAlone(desired, only(desired.ifname, observed));
  return { ...own, steps: [...steps, ...own.steps] };
}

/** What was observed, of the classifiers that of one interface. */
function only(ifname: string, observed: Observed): Observed {
  const classifiers = Object.entries(observed.classifiers).filter(([name]) => name === ifname);
  return { ...observed, classifiers: Object.fromEntries(classifiers) };
}

function planAlone(desired: Desired, observed: Observed): Plan {
  const { copies, ifname } = desired;
  const missing = missingTargets(copies, observed);
  if (missing !== undefined) return { steps: planLeaving(desired, observed, []), missing };

  const targets = targetLinks(copies, observed);
  const cleared = planClearing(desired, observed);
  const found = cleared.length === 0 ? observed.links.find(({ name }) => name === ifname) : undefined;
  if (found === undefined && desired.device.kind === 'veth' && desired.role === 'receiver')
    return { steps: cleared, missing: `device ${ifname}, which the sender makes` };

  const owns = (link: Link) => ownsQdisc(desired, observed, link.name);
  const filtersOf = (link: Link) =>
    copies === undefined ? [] : copyFilters(desired, copies, link, observed, owns(link));
  const ownQdiscs = targets
    .filter((link) => owns(link) && filtersOf(link).length > 0)
    .map(({ name }) => name);
  const alias = aliasOf({ id: desired.id, ownQdiscs, joinedInto: desired.joinedInto });
  return {
    steps: [
      ...planLeaving(desired, observed, targets),
      ...cleared,
      ...(found === undefined ? [addDevice(desired, pairMtu(targets))] : []),
      ...(found?.alias === alias ? [] : [{ do: 'set alias', link: ifname, alias } as const]),
      ...(found?.silent === true ? [] : [{ do: 'silence', link: ifname } as const]),
      ...(isPairOf(desired)
        ? planPair(desired, pairMtu(targets), found && observed, found)
        : planMtu(desired, found)),
      ...planMerging(desired, found === undefined ? undefined : observed.merging),
      ...planQdiscs(desired, observed, [found ?? { name: ifname, hasQueue: true }]),
      ...planFilters(desired, observed, ifname, deviceFilters(desired, placesAhead(desired, observed))),
      ...planBlackhole(desired, found && observed.classifiers[ifname]),
      ...(found?.up === true ? [] : [{ do: 'set up', link: ifname } as const]),
      // One interface after the other: whatever ends the agent, the handles of its filters mark each qdisc but the last.
      ...targets.flatMap((link) => {
        const needed = filtersOf(link);
        if (needed.length === 0) return planCleaning(desired, observed, link.name);
        return planQdiscs(desired, observed, [link]).concat(
          planFilters(desired, observed, link.name, needed),
        );
      }),
    ],
  };
}

/** Takes our filters off interfaces that are no target, or no more: one was renamed, and still copies. */
function planLeaving(desired: Desired, observed: Observed, targets: readonly Link[]): Step[] {
  const kept = new Set([desired.ifname, ...targets.map(({ name }) => name)]);
  return Object.keys(observed.classifiers)
    .filter((name) => !kept.has(name))
    .flatMap((name) => planCleaning(desired, observed, name));
}
