import { messageOf, UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { type AgentStatus, askAgent } from '../agentStatus.ts';
import { inTurns } from '../inTurns.ts';
import type { TapItem } from './tapList.ts';
import type { ListedPod, ListedTap } from './taps.ts';

/** Agents that are asked at once. */
const AT_ONCE = 8;

/** What the agents of a tap know of it, both ends together. */
export interface Account extends Pick<
  TapItem,
  | 'copiedBytes'
  | 'degraded'
  | 'directions'
  | 'fit'
  | 'idle'
  | 'inFront'
  | 'lostPackets'
  | 'receivedPackets'
  | 'refusedCopies'
  | 'reportedPackets'
  | 'sentPackets'
  | 'turnedAwayPackets'
> {
  readonly endpoints: NonNullable<TapItem['endpoints']>;
}

/** An account, and when it was asked for, in ms of `performance.now()`. */
export interface Reading {
  readonly account: Account;
  readonly atMs: number;
}

/**
 * Asks the agents of taps, those of one tap at the same time.
 *
 * @param roles whose agents are asked: all that is known of the copies is known to the sender
 */
export async function readAccounts(
  cluster: Cluster,
  taps: readonly ListedTap[],
  roles: readonly string[] = ['sender', 'receiver'],
): Promise<ReadonlyMap<ListedTap, Reading>> {
  const readings = await inTurns(AT_ONCE, taps, async (tap) => {
    const atMs = performance.now();
    const asked = tap.pods.filter(({ role }) => roles.includes(role));
    const answers = await Promise.all(asked.map(async (pod) => answerOf(cluster, tap, pod)));
    return [tap, { account: accountOf(answers), atMs }] as const;
  });
  return new Map(readings);
}

/** What an agent said. */
export interface AgentAnswer {
  readonly pod: ListedPod;
  readonly status: AgentStatus | undefined;
  /** Why there is no status. */
  readonly trouble?: string;
}

async function answerOf(cluster: Cluster, { namespace }: ListedTap, pod: ListedPod): Promise<AgentAnswer> {
  if (!pod.isRunning) return { pod, status: undefined, trouble: 'its pod does not run' };
  try {
    return { pod, status: await askAgent(cluster, { namespace, name: pod.name }) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { pod, status: undefined, trouble: messageOf(error) };
  }
}

type Observed = AgentStatus['observed'][number];

/** Joins what the agents of a tap said: of several targets the sums. */
export function accountOf(answers: readonly AgentAnswer[]): Account {
  const targets = targetsById(answers);
  // On one node the agents of both ends may know both.
  const ends = new Map(
    answers.flatMap(({ status }) =>
      (status?.observed ?? []).map((end) => [`${end.role} ${end.tap}`, end] as const),
    ),
  );
  const own = new Set(answers.flatMap(({ pod }) => pod.endpoints.map(({ id }) => id)));
  const observed = [...ends.values()].filter(({ tap }) => own.has(tap));
  const received = new Map(
    observed.flatMap(({ role, tap, receivedPackets }) =>
      role === 'receiver' ? [[tap, receivedPackets] as const] : [],
    ),
  );
  const senders = observed.filter(({ role }) => role === 'sender');
  const directions = sumOfDirections(senders);
  return {
    endpoints: answers.flatMap((each) => endpointsOf(each, targets)),
    directions,
    copiedBytes: known(Object.values(directions ?? {}).map(({ copiedBytes }) => copiedBytes)),
    sentPackets: sumOf(senders, ({ sentPackets }) => sentPackets),
    receivedPackets:
      senders.length === 0 ? known([...received.values()]) : sumOf(senders, ({ tap }) => received.get(tap)),
    reportedPackets: sumOf(senders, ({ reportedPackets }) => reportedPackets),
    lostPackets: sumOf(senders, ({ tap, lostPackets, sentPackets }) =>
      fewerLost(lostPackets, sentPackets, received.get(tap)),
    ),
    refusedCopies: sumOf(senders, ({ refusedCopies }) => refusedCopies),
    turnedAwayPackets: sumOf(senders, ({ turnedAwayPackets }) => turnedAwayPackets),
    fit: distinct(senders, ({ fit }) => fit?.says),
    degraded: distinct(senders, ({ degraded }) => degraded),
    idle: distinct(senders, ({ idle }) => idle),
    inFront: inFrontOf(senders),
  };
}

/** Undefined where one of them is not known, or there is none. */
function sumOf(
  ends: readonly Observed[],
  countOf: (end: Observed) => number | undefined,
): number | undefined {
  const counts = ends.flatMap((end) => countOf(end) ?? []);
  return counts.length < ends.length ? undefined : known(counts);
}

/** The sum of those that are known; undefined: none is. */
function known(counts: readonly (number | undefined)[]): number | undefined {
  const all = counts.filter((count) => count !== undefined);
  return all.length === 0 ? undefined : all.reduce((sum, count) => sum + count, 0);
}

function sumOfDirections(senders: readonly Observed[]): Account['directions'] {
  const all = senders.flatMap(({ copies }) => (copies === undefined ? [] : [copies]));
  if (all.length === 0) return undefined;
  const names = new Set(all.flatMap((copies) => Object.keys(copies)));
  const sums = [...names].map((name) => {
    const ofTargets = all.flatMap((copies) => copies[name] ?? []);
    const fields = COUNTS.flatMap((field) => {
      const sum = known(ofTargets.map((counts) => counts[field]));
      return sum === undefined ? [] : [[field, sum] as const];
    });
    return [name, Object.fromEntries(fields)] as const;
  });
  return Object.fromEntries(sums);
}

const COUNTS = [
  'seenPackets',
  'notMatchingPackets',
  'sampledOutPackets',
  'shedPackets',
  'unfitPackets',
  'copiedPackets',
  'copiedBytes',
] as const;

/** What ends say, each once. */
function distinct(
  ends: readonly Observed[],
  textOf: (end: Observed) => string | undefined,
): string | undefined {
  const texts = new Set(ends.flatMap((end) => textOf(end) ?? []));
  return texts.size === 0 ? undefined : [...texts].join('; ');
}

function inFrontOf(senders: readonly Observed[]): Account['inFront'] {
  const all = senders.flatMap(({ inFront }) => inFront ?? []);
  return all.length === 0 ? undefined : all;
}

/** The sender takes for lost what it has no report of yet; the receiver may know better. */
export function fewerLost(
  lost: number | undefined,
  sent: number | undefined,
  received: number | undefined,
): number | undefined {
  if (lost === undefined || sent === undefined || received === undefined) return lost;
  return Math.min(lost, Math.max(0, sent - received));
}

/** The targets of endpoints, which their senders' pods say. */
function targetsById(answers: readonly AgentAnswer[]): ReadonlyMap<string, string> {
  const held = answers.flatMap(({ pod }) => pod.endpoints);
  return new Map(held.flatMap(({ id, target }) => (target === undefined ? [] : [[id, target] as const])));
}

function endpointsOf(
  { pod: { role, name, node, endpoints }, status, trouble }: AgentAnswer,
  targets: ReadonlyMap<string, string>,
): Account['endpoints'] {
  if (status === undefined) return [{ role, pod: name, node, reason: trouble }];
  return endpoints.map(({ id }) => {
    const told = status.endpoints?.find(({ tap }) => tap === id);
    return {
      id,
      target: targets.get(id),
      role,
      pod: name,
      node,
      state: told?.state,
      reason: told?.reason ?? trouble,
      warning: told?.warning,
    };
  });
}
