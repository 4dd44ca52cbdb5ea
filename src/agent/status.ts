import { readdirSync } from 'node:fs';
import { CommandError } from '#src/exec/command.ts';
import {
  type CountedClassifier,
  type CountedFilter,
  readClassified,
  readClassifier,
} from '#src/net/classifiers.ts';
import { type Counts, readCounts } from '#src/net/counts.ts';
import { listLinks } from '#src/net/links.ts';
import { Netns } from '#src/net/netns.ts';
import { readPath } from '#src/net/pathMtu.ts';
import {
  arrivedOf,
  type DirectionAccount,
  directionAccount,
  refusedBefore,
} from '#src/tap/counters/account.ts';
import { type Fit, fitOf } from '#src/tap/path/fit.ts';
import {
  isHandleOf,
  macOf,
  parseAlias,
  preferences,
  type Role,
  type TapId,
} from '#src/tap/ownership/mark.ts';
import { aheadHook, isSeenProgram } from '#src/tap/programs/names.ts';
import type { Hook, Link, Vxlan } from '#src/tap/state.ts';
import type { Place } from './endpoint.ts';
import { hearReceiver } from './receiverReports.ts';
import {
  type CountedLink,
  describeIdle,
  describeInFront,
  type InFront,
  type Placed,
  readTargets,
  type TargetHook,
} from './targetHooks.ts';

/** One end of a tap as the kernel has it. Packets are counted as the wire has them, before or after what is large is cut. */
export interface EndStatus {
  readonly tap: TapId;
  readonly role: Role;
  /** Inode number of the network namespace. */
  readonly netns: number;
  readonly device: Pick<Link, 'name' | 'kind' | 'up' | 'mtuBytes'> & Partial<Vxlan>;
  readonly filters: readonly { readonly interface: string; readonly hook: Hook; readonly does: string }[];
  /** Sender only: target interfaces that are down, or carried nothing so far while others did. */
  readonly idle?: string;
  /** Sender only: what comes before the tap's filters at a hook, and may keep packets from them. */
  readonly inFront?: readonly InFront[];
  /** Sender only. Where the eBPF programs could not be loaded, nothing but what was copied is counted. */
  readonly copies?: Partial<Record<Hook, Partial<DirectionAccount>>>;
  /** Sender only: the copies as they went to the device, cut to fit. */
  readonly sentPackets?: number;
  /** Sender only: copies that the device, or what is below it, did not take; of what was sent they are lost. */
  readonly refusedCopies?: number;
  /** Sender only: the copies that came to the other end, by its last report or, on the same node, by its device. */
  readonly reportedPackets?: number;
  /** Sender only: sent but not reported. While copies are under way they are among them. */
  readonly lostPackets?: number;
  /** Sender only: packets that came to the device from outside. */
  readonly turnedAwayPackets?: number;
  /** Sender of a VXLAN only: what becomes of copies that are too large for the underlay. */
  readonly fit?: Fit;
  /** Sender only: why the tap is a plain one. */
  readonly degraded?: string;
  /** Receiver only: copies that came. */
  readonly receivedPackets?: number;
}

/**
 * The ends of a tap that an agent itself keeps, or that are beside its own: in the namespace of its target and in its own.
 * It searches no other namespace, so that a reading costs the same however many pods the node has.
 *
 * @param place where the agent's end is; undefined while it is nowhere
 */
export async function readNearStatus(place: Place | undefined, tapId: TapId): Promise<EndStatus[]> {
  const namespaces = [new Netns('/proc/self/ns/net')];
  try {
    // Opened anew: the agent lets its descriptor go when the target gets another namespace.
    if (place?.netns.isOwn === false) namespaces.push(new Netns(place.netns.path));
    return await visitEndsIn(namespaces, tapId, async (end) => end);
  } finally {
    for (const netns of namespaces) netns.close();
  }
}

/**
 * Finds every tap's end on this node, from the kernel alone. A sender needs hostPID and SYS_PTRACE to see into pods;
 * a receiver sees the node's own namespace.
 *
 * @param tapId only this tap's
 */
export function readStatus(tapId: TapId | undefined): Promise<EndStatus[]> {
  return visitEnds(tapId, async (end) => end);
}

/** Does something for each end that {@link readStatus} finds, in its network namespace. */
export async function visitEnds<T>(
  tapId: TapId | undefined,
  visit: (end: EndStatus, netns: Netns) => Promise<T>,
): Promise<T[]> {
  const namespaces = new Map<number, Netns>();
  try {
    openNamespaces(namespaces);
    return await visitEndsIn(namespaces.values(), tapId, visit);
  } finally {
    for (const netns of namespaces.values()) netns.close();
  }
}

async function visitEndsIn<T>(
  namespaces: Iterable<Netns>,
  tapId: TapId | undefined,
  visit: (end: EndStatus, netns: Netns) => Promise<T>,
): Promise<T[]> {
  const all: T[] = [];
  for (const netns of namespaces) {
    // Something vanished between two commands, as things do while a tap is made or removed: look again.
    const ends = await readEnds(netns, tapId).catch(() => readEnds(netns, tapId));
    for (const end of ends) all.push(await visit(end, netns));
  }
  return all;
}

/** Opens each network namespace that a process is in, once; held, so that no recycled PID can stand for another. */
export function openNamespaces(found: Map<number, Netns>): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const netns = Netns.ofProcess(Number(pid));
    if (netns === undefined) continue;
    if (found.has(netns.inode)) netns.close();
    else found.set(netns.inode, netns);
  }
}

async function readEnds(netns: Netns, tapId: TapId | undefined): Promise<EndStatus[]> {
  const links = await listLinks(netns);
  const marked = links.flatMap((link) => {
    const mark = parseAlias(link.alias);
    return mark === undefined || (tapId !== undefined && mark.id !== tapId) ? [] : [{ link, id: mark.id }];
  });
  if (marked.length === 0) return [];
  const classifiers = new Map<string, CountedClassifier>();
  for (const { name } of hasSender(marked) ? links : marked.map(({ link }) => link))
    classifiers.set(name, await readClassifier(netns, name));
  return Promise.all(marked.map(({ link, id }) => describeEnd(netns, id, link, links, classifiers)));
}

/** A sender's filters may be on any interface, a receiver's are on its device only: a node may have hundreds of others. */
function hasSender(marked: readonly { readonly link: Link; readonly id: TapId }[]): boolean {
  return marked.some(({ link, id }) => link.mac !== macOf(id, 'receiver'));
}

async function describeEnd(
  netns: Netns,
  tap: TapId,
  link: CountedLink,
  links: readonly CountedLink[],
  classifiers: ReadonlyMap<string, CountedClassifier>,
): Promise<EndStatus> {
  const { name, kind, up, mtuBytes, vxlan, mac } = link;
  const filters = [...classifiers].flatMap(([ifname, classifier]) =>
    classifier.filters
      .filter(({ handle }) => isHandleOf(tap, handle))
      .map((filter) => ({ interface: ifname, filter })),
  );
  const common = {
    tap,
    netns: netns.inode,
    device: { name, kind, up, mtuBytes, ...vxlan },
    filters: filters.map((found) => ({
      interface: found.interface,
      hook: found.filter.hook,
      does: whatItDoes(found.filter),
    })),
  };
  if (mac === macOf(tap, 'receiver'))
    return { role: 'receiver', ...common, receivedPackets: classifiers.get(name)?.packets ?? 0 };
  const targets = await readTargets(netns, links, filters);
  const inFront = describeInFront(targets, classifiers);
  const account = await senderAccount(netns, link, targets, filters);
  const idle = describeIdle(links, targets);
  return {
    role: 'sender',
    ...common,
    ...(idle === undefined ? {} : { idle }),
    ...(inFront.length > 0 ? { inFront } : {}),
    ...account,
    ...(await describeFit(link, links, targets, filters)),
  };
}

/** Why some numbers are not there, and copies are not treated. */
const plain =
  'the eBPF programs are not loaded: copies are not made to fit the underlay, and counted only by the kernel';

async function describeFit(
  { vxlan }: Link,
  links: readonly Link[],
  targets: readonly TargetHook[],
  filters: readonly Placed[],
): Promise<Pick<EndStatus, 'fit' | 'degraded'>> {
  const object = filters.find(({ filter }) => filter.preference === preferences.copy)?.filter.program;
  const copied = new Set(targets.map((target) => target.interface));
  const mtus = links.filter(({ name }) => copied.has(name)).map(({ mtuBytes }) => mtuBytes);
  const pathMtuBytes = vxlan && (await readPathMtuIfAny(vxlan));
  return {
    ...(vxlan === undefined || pathMtuBytes === undefined || mtus.length === 0
      ? {}
      : { fit: fitOf(vxlan.remote, pathMtuBytes, Math.max(...mtus), object) }),
    ...(object === undefined ? { degraded: plain } : {}),
  };
}

/** Undefined while the node has no way to the other end; the rest of the status is worth telling then too. */
async function readPathMtuIfAny({ local, remote }: Vxlan): Promise<number | undefined> {
  try {
    return (await readPath(local, remote)).mtuBytes;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

type SenderAccount = Pick<
  EndStatus,
  'copies' | 'sentPackets' | 'reportedPackets' | 'lostPackets' | 'refusedCopies' | 'turnedAwayPackets'
>;

async function senderAccount(
  netns: Netns,
  { name: device, kind, counters: { received, sent } }: CountedLink,
  targets: readonly TargetHook[],
  filters: readonly Placed[],
): Promise<SenderAccount> {
  const copying = filters.filter(({ filter }) => typeof filter.action === 'object');
  const refused = sent.dropped + sent.errors;
  // What arrived is read before what was sent, so that nothing arrives that was not sent.
  const heard = await hearReceiver(netns, device);
  const reportedPackets = kind === 'veth' ? await readOtherHalf(device) : heard?.receivedPackets;
  // A report may have come since the device's counts were read.
  const turnedAwayPackets = Math.max(0, received.packets - (heard?.reports ?? 0));
  const copyId = filters.find(({ filter }) => filter.preference === preferences.copy)?.filter.programId;
  const counts = copyId === undefined ? undefined : await readCounts(copyId);
  if (counts === undefined) {
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
    copies: Object.fromEntries(counted.map((each) => [each.hook, directionAccount(each)])),
    sentPackets,
    ...(reportedPackets === undefined
      ? {}
      : { reportedPackets, lostPackets: Math.max(0, sentPackets - reportedPackets) }),
    refusedCopies: counted.reduce((sum, each) => sum + refusedBefore(each), refused),
    turnedAwayPackets,
  };
}

/** What came to the receiver's half of a veth pair, in the node's namespace. */
async function readOtherHalf(ifname: string): Promise<number> {
  const node = new Netns('/proc/self/ns/net');
  try {
    return await readClassified(node, ifname);
  } finally {
    node.close();
  }
}

/** Read anew, and what comes first on a packet's way last: see {@link directionAccount}. */
async function countTarget(netns: Netns, { interface: name, filter }: Placed) {
  const { filters } = await readClassifier(netns, name);
  const now = filters.filter(({ hook, handle }) => hook === filter.hook && handle === filter.handle);
  const matched = now.find(({ action }) => typeof action === 'object')?.packets ?? 0;
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

function whatItDoes({ action, preference, program }: CountedFilter): string {
  if (typeof action === 'object') return `copy to ${action.copyTo}`;
  if (program?.includes('[tc/heard]') === true) return "read the receiver's reports";
  const ahead = aheadHook(program);
  if (ahead !== undefined) return `hold the program that goes before others at the ${ahead} of targets`;
  if (isSeenProgram(program)) return 'count';
  return preference === preferences.copy ? 'sample, limit, cut and fit the copies' : 'drop';
}
