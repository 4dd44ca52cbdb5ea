import type { CountedClassifier, CountedFilter } from '#src/net/tcMessages.ts';
import type { CountedLink } from '#src/net/linkMessages.ts';
import type { Netns } from '#src/net/netns.ts';
import { listTcx } from '#src/net/tcx.ts';
import { idleTargets, isOrdinary } from '#src/tap/counters/idleTargets.ts';
import { inFrontOf } from '#src/tap/plan/inFront.ts';
import { aheadHook } from '#src/tap/programs/names.ts';
import { copiesTo, type Hook, type Link, type TcxProgram } from '#src/tap/state.ts';

/** A filter and where it is. */
export interface Placed {
  readonly interface: string;
  readonly filter: CountedFilter;
}

/** What sees the packets of a hook before a tap does. */
export interface InFront {
  readonly interface: string;
  readonly hook: Hook;
  readonly programs: readonly string[];
}

/** A hook of a target interface that the tap copies at. */
export interface TargetHook {
  readonly interface: string;
  readonly hook: Hook;
  /** The program that goes before all filters there; undefined: the tap has filters. */
  readonly aheadId: number | undefined;
  readonly tcx: readonly TcxProgram[];
}

/** Where a tap copies: by filters, or by programs that go before all filters. */
export async function readTargets(
  netns: Netns,
  links: readonly Link[],
  filters: readonly Placed[],
): Promise<TargetHook[]> {
  const copying = filters.filter(({ filter }) => copiesTo(filter) !== undefined);
  const ahead = new Set(
    filters.flatMap(({ filter }) =>
      aheadHook(filter.program) === undefined ? [] : (filter.programId ?? []),
    ),
  );
  const names = ahead.size > 0 ? links.map(({ name }) => name) : copying.map((each) => each.interface);
  const found = [...(await listTcx(netns, [...new Set(names)]))].flatMap(([name, tcx]) =>
    hooks.map((hook) => ({ interface: name, hook, tcx: tcx[hook] })),
  );
  return found.flatMap((each): TargetHook[] => {
    const aheadId = each.tcx.find(({ id }) => ahead.has(id))?.id;
    const hasFilters = copying.some(
      ({ interface: name, filter }) => name === each.interface && filter.hook === each.hook,
    );
    return aheadId !== undefined || hasFilters ? [{ ...each, aheadId }] : [];
  });
}

export function describeIdle(
  links: readonly CountedLink[],
  targets: readonly TargetHook[],
): string | undefined {
  const from = targets.map((target) => target.interface);
  // As far as the kernel shows it, this is a tap of all interfaces.
  if (links.every((link) => from.includes(link.name) || !isOrdinary(link))) return undefined;
  const packets = new Map(
    links.map(({ name, counters: { received, sent } }) => [name, received.packets + sent.packets]),
  );
  const ever = (ifname: string) => packets.get(ifname) ?? 0;
  return idleTargets({ from }, { links, liveTaps: new Set() }, { ever, lately: ever });
}

export function describeInFront(
  targets: readonly TargetHook[],
  classifiers: ReadonlyMap<string, CountedClassifier>,
): InFront[] {
  return targets.flatMap(({ interface: name, hook, tcx, aheadId }) => {
    const programs = inFrontOf(hook, classifiers.get(name) ?? { filters: [] }, tcx, aheadId);
    return programs.length === 0 ? [] : [{ interface: name, hook, programs }];
  });
}

const hooks: readonly Hook[] = ['ingress', 'egress'];
