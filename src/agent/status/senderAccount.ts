import { readClassifier } from '#src/net/classifiers.ts';
import { type Counts, readCounts } from '#src/net/counts.ts';
import type { Netns } from '#src/net/netns.ts';
import { arrivedOf, directionAccount, refusedBefore } from '#src/tap/counters/account.ts';
import { preferences } from '#src/tap/ownership/mark.ts';
import { aheadHook, isSeenProgram } from '#src/tap/programs/names.ts';
import { copiesTo, type Hook } from '#src/tap/state.ts';
import { readReceiverReport } from '#src/agent/path/receiverReports.ts';
import { describePath } from './describePath.ts';
import type { EndpointStatus } from './endpointStatus.ts';
import type { CountedLink, Placed, TargetHook } from './targetHooks.ts';

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
  targets: readonly TargetHook[],
  filters: readonly Placed[],
  readOtherHalf: ReadOtherHalf,
): Promise<SenderAccount> {
  const { name: device, kind, counters } = carrier.link;
  const { received, sent } = counters;
  const copying = filters.filter(({ filter }) => copiesTo(filter) !== undefined);
  const refused = sent.dropped + sent.errors;
  // What arrived is read before what was sent, so that nothing arrives that was not sent.
  const report = await readReceiverReport(carrier.netns, device);
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
  const counted = [];
  for (const hook of hooksOf(targets)) {
    const ahead = await countAhead(filters, hook, counts[hook]);
    let [matched, seen] = [0, ahead.seen];
    for (const each of copying.filter(({ filter }) => filter.hook === hook)) {
      const found = await countTarget(netns, each);
      matched += found.matched;
      seen += found.seen;
    }
    counted.push({ hook, ...counts[hook], matched: Math.max(matched, ahead.matched), seen });
  }
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

/** Read anew, and what comes first on a packet's way last: see {@link directionAccount}. */
async function countTarget(netns: Netns, { interface: name, filter }: Placed) {
  const { filters } = await readClassifier(netns, name);
  const now = filters.filter(({ hook, handle }) => hook === filter.hook && handle === filter.handle);
  const matched = now.find((each) => copiesTo(each) !== undefined)?.packets ?? 0;
  const seenId = now.find(({ program }) => isSeenProgram(program))?.programId;
  const seen = seenId === undefined ? 0 : ((await readCounts(seenId))?.[filter.hook].seen ?? 0);
  return { matched, seen };
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
