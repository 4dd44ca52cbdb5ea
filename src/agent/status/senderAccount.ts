import { readClassifiers } from '#src/net/classifiers.ts';
import { type Counts, readCounts, readLastReport } from '#src/net/counts.ts';
import type { CountedLink } from '#src/net/linkMessages.ts';
import type { Netns } from '#src/net/netns.ts';
import { arrivedOf, directionAccount, refusedBefore } from '#src/tap/counters/account.ts';
import { preferences } from '#src/tap/ownership/mark.ts';
import { aheadHook, isSeenProgram } from '#src/tap/programs/names.ts';
import { copiesTo, type Hook } from '#src/tap/state.ts';
import { describePath } from './describePath.ts';
import type { EndpointStatus } from './endpointStatus.ts';
import type { Placed, TargetHook } from './targetHooks.ts';

type SenderAccount = Pick<
  EndpointStatus,
  | 'path'
  | 'pathReason'
  | 'bypassedPackets'
  | 'copies'
  | 'sentPackets'
  | 'reportedPackets'
  | 'lostPackets'
  | 'refusedCopies'
  | 'turnedAwayPackets'
>;

/** Reads what came to the receiver's half of a veth pair; undefined where that cannot be seen. */
export type ReadOtherHalf = () => Promise<number | undefined>;

/** The device that copies leave by, and where it is. */
interface Carrier {
  readonly netns: Netns;
  readonly link: CountedLink;
  /** It is in the node, not at the target. */
  readonly isTunnel: boolean;
}

export async function senderAccount(
  netns: Netns,
  carrier: Carrier,
  links: readonly CountedLink[],
  targets: readonly TargetHook[],
  filters: readonly Placed[],
  readOtherHalf: ReadOtherHalf,
): Promise<SenderAccount> {
  const { kind, counters } = carrier.link;
  const { received, sent } = counters;
  const copying = filters.filter(({ filter }) => copiesTo(filter) !== undefined);
  const refused = sent.dropped + sent.errors;
  // What arrived is read before what was sent, so that nothing arrives that was not sent.
  const report = await lastReport(carrier.link.name, filters);
  const reportedPackets = kind === 'veth' ? await readOtherHalf() : report?.receivedPackets;
  // A report may have come since the device's counts were read.
  const turnedAwayPackets = Math.max(0, received.packets - (report?.reports ?? 0));
  const copyId = filters.find(({ filter }) => filter.preference === preferences.copy)?.filter.programId;
  const counts = copyId === undefined ? undefined : await readCounts(copyId);
  if (copyId === undefined || counts === undefined) {
    const copies = hooksOf(targets).map(
      (hook) => [hook, { copiedPackets: copiedAt(hook, copying) }] as const,
    );
    const { packets: sentPackets } = sent;
    // Without the program that hears them, the receiver's reports cannot be told from what strangers send.
    return {
      copies: Object.fromEntries(copies),
      sentPackets,
      refusedCopies: refused,
      ...(kind === 'veth' ? { turnedAwayPackets } : {}),
    };
  }
  const atTargets = await countTargets(netns, links, copying);
  const counted = await Promise.all(
    hooksOf(targets).map(async (hook) => {
      const ahead = await countAhead(filters, hook, counts[hook]);
      const { matched, seen } = atTargets[hook];
      const total = { matched: Math.max(matched, ahead.matched), seen: seen + ahead.seen };
      return Object.assign({ hook }, counts[hook], total);
    }),
  );
  const sentPackets = counts.ingress.sent + counts.egress.sent;
  return {
    ...(kind === 'vxlan' ? await describePath(carrier, copyId, counts) : {}),
    copies: Object.fromEntries(counted.map((each) => [each.hook, directionAccount(each)])),
    sentPackets,
    ...(reportedPackets === undefined
      ? {}
      : { reportedPackets, lostPackets: Math.max(0, sentPackets - reportedPackets) }),
    refusedCopies: counted.reduce((sum, each) => sum + refusedBefore(each), refused),
    turnedAwayPackets,
  };
}

/** What the receiver reported; undefined: nothing yet, or there is no program to hear it. */
async function lastReport(device: string, filters: readonly Placed[]) {
  const hearing = filters.find(
    (each) =>
      each.interface === device &&
      each.filter.hook === 'ingress' &&
      each.filter.preference === preferences.readReport,
  );
  const id = hearing?.filter.programId;
  const report = id === undefined ? undefined : await readLastReport(id);
  return report !== undefined && report.reports > 0 ? report : undefined;
}

/** Read anew, and what comes first on a packet's way last: see {@link directionAccount}. */
async function countTargets(netns: Netns, links: readonly CountedLink[], copying: readonly Placed[]) {
  const names = copying.map((each) => each.interface);
  const now = await readClassifiers(netns, links, names);
  const found = await Promise.all(
    copying.map(async ({ interface: name, filter: { hook, handle } }) => {
      const own = now.get(name)?.filters.filter((each) => each.hook === hook && each.handle === handle) ?? [];
      const matched = own.find((each) => copiesTo(each) !== undefined)?.packets ?? 0;
      const seenId = own.find(({ program }) => isSeenProgram(program))?.programId;
      const seen = seenId === undefined ? 0 : ((await readCounts(seenId))?.[hook].seen ?? 0);
      return { hook, matched, seen };
    }),
  );
  const sum = (hook: Hook) => {
    const there = found.filter((each) => each.hook === hook);
    const total = (field: 'matched' | 'seen') => there.reduce((all, each) => all + each[field], 0);
    return { matched: total('matched'), seen: total('seen') };
  };
  return { ingress: sum('ingress'), egress: sum('egress') };
}

/**
 * What a program saw that goes before all filters at a hook. No filter counts what it copies: what came to the mirror
 * device matched, and what did not come there did not.
 */
async function countAhead(filters: readonly Placed[], hook: Hook, { unmeasured, ...counts }: Counts) {
  const found = filters.find(({ filter }) => aheadHook(filter.program) === hook);
  if (found?.filter.programId === undefined) return { matched: 0, seen: 0 };
  const seen = (await readCounts(found.filter.programId))?.[hook].seen ?? 0;
  return { matched: arrivedOf(counts) - unmeasured, seen };
}

/** The hooks that packets are copied at; a target has both or one. */
function hooksOf(targets: readonly TargetHook[]): readonly Hook[] {
  return [...new Set(targets.map(({ hook }) => hook))];
}

function copiedAt(hook: Hook, copying: readonly Placed[]): number {
  return copying.reduce((sum, { filter }) => sum + (filter.hook === hook ? filter.packets : 0), 0);
}
