import { CommandError } from '#src/exec/command.ts';
import { readClassifiers } from '#src/net/classifiers.ts';
import { listGuarded } from '#src/net/guardTable.ts';
import { listLeases } from '#src/net/leases.ts';
import { listLinks } from '#src/net/links.ts';
import { Netns } from '#src/net/netns.ts';
import { isHandleOf, isTapHandle, parseAlias, type Role, type TapId } from '#src/tap/ownership/mark.ts';
import { withLiveJoined } from '#src/tap/plan/joined.ts';
import type { Hook } from '#src/tap/state.ts';
import { liveTaps } from '#src/agent/endpoint/lock.ts';
import { openNamespaces } from '#src/net/nodeNamespaces.ts';

/** What is there of a tap that no agent of this node keeps. It goes as ADR 13 says. */
export interface Leftover {
  /** Undefined: of filters alone, which have a part of the tap's id only. */
  readonly tap: TapId | undefined;
  readonly devices: readonly { readonly netns: number; readonly name: string }[];
  readonly filters: readonly { readonly netns: number; readonly interface: string; readonly hook: Hook }[];
  /** The endpoints that have an entry of nftables. */
  readonly guards: readonly Role[];
  /** Until its copies end: 0 when they have ended. Undefined: there is no lease, or this pod may not read it. */
  readonly leaseSeconds?: number;
}

/** One thing that is left. */
type Found =
  | { readonly netns: number; readonly name: string }
  | { readonly netns: number; readonly interface: string; readonly hook: Hook; readonly handle: number }
  | { readonly guard: Role }
  | { readonly leaseSeconds: number };

/**
 * Finds what taps without an agent left on this node. Like the status, a sender sees all of it, a receiver what is in the
 * node's own network namespace.
 *
 * @param tapId only this tap's
 * @throws {CommandError}
 */
export async function readLeftovers(tapId: TapId | undefined): Promise<Leftover[]> {
  const live = liveTaps();
  const byTap = new Map<TapId, Found[]>();
  const filters: Extract<Found, { handle: number }>[] = [];
  const note = (tap: TapId, found: Found): void => {
    if (!live.has(tap)) byTap.set(tap, [...(byTap.get(tap) ?? []), found]);
  };
  for (const { tap, role } of await unlessRefused(listGuarded())) note(tap, { guard: role });
  const now = process.hrtime.bigint();
  for (const { tap, untilNs } of await unlessRefused(listLeases()))
    note(tap, { leaseSeconds: Math.max(0, Math.round(Number(untilNs - now) / 1e9)) });
  await inAllNamespaces(async (netns) => {
    const links = await listLinks(netns);
    const liveHere = withLiveJoined(live, links);
    for (const { name, alias } of links) {
      const tap = parseAlias(alias)?.id;
      if (tap !== undefined && !liveHere.has(tap)) note(tap, { netns: netns.inode, name });
    }
    const names = links.map(({ name }) => name);
    for (const [name, classifier] of await readClassifiers(netns, links, names))
      for (const { hook, handle } of classifier.filters)
        if (isTapHandle(handle) && ![...liveHere].some((id) => isHandleOf(id, handle)))
          filters.push({ netns: netns.inode, interface: name, hook, handle });
  });
  return group(byTap, filters).filter(({ tap }) => tapId === undefined || tap === tapId);
}

/**
 * The same, searched for only where there is a sign of any: a killed agent has left an entry of nftables, and a sender's
 * programs a lease, which are read without a search of the node's network namespaces.
 *
 * @throws {CommandError}
 */
export async function readLeftoversIfAny(): Promise<Leftover[]> {
  const live = liveTaps();
  const [guarded, leases] = await Promise.all([unlessRefused(listGuarded()), unlessRefused(listLeases())]);
  return [...guarded, ...leases].some(({ tap }) => !live.has(tap)) ? readLeftovers(undefined) : [];
}

function group(
  byTap: ReadonlyMap<TapId, readonly Found[]>,
  filters: readonly Extract<Found, { handle: number }>[],
): Leftover[] {
  const known = [...byTap].map(([tap, found]) =>
    describe(tap, [...found, ...filters.filter(({ handle }) => isHandleOf(tap, handle))]),
  );
  const rest = filters.filter(({ handle }) => ![...byTap.keys()].some((tap) => isHandleOf(tap, handle)));
  return rest.length === 0 ? known : [...known, describe(undefined, rest)];
}

function describe(tap: TapId | undefined, all: readonly Found[]): Leftover {
  const [lease] = all.flatMap((each) => ('leaseSeconds' in each ? each.leaseSeconds : []));
  return {
    tap,
    devices: all.flatMap((each) => ('name' in each ? each : [])),
    filters: all.flatMap((each) =>
      'handle' in each ? { netns: each.netns, interface: each.interface, hook: each.hook } : [],
    ),
    guards: all.flatMap((each) => ('guard' in each ? each.guard : [])),
    ...(lease === undefined ? {} : { leaseSeconds: lease }),
  };
}

async function inAllNamespaces(look: (netns: Netns) => Promise<void>): Promise<void> {
  const namespaces = new Map<number, Netns>();
  try {
    openNamespaces(namespaces);
    for (const netns of namespaces.values()) await look(netns);
  } finally {
    for (const netns of namespaces.values()) netns.close();
  }
}

/** A receiver may not read leases, and a node may be without nftables: there are none to be told then. */
async function unlessRefused<T>(reading: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode !== undefined) return [];
    throw error;
  }
}
