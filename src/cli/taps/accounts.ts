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
    return [tap, { account: accountOf(tap.id, answers), atMs }] as const;
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

/** Joins what the agents of a tap said. */
export function accountOf(id: string, answers: readonly AgentAnswer[]): Account {
  const endOf = (role: string) =>
    answers
      .flatMap(({ status }) => status?.observed ?? [])
      .find((end) => end.tap === id && end.role === role);
  const sender = endOf('sender');
  const receivedPackets = endOf('receiver')?.receivedPackets;
  const bytes = Object.values(sender?.copies ?? {}).flatMap(({ copiedBytes }) => copiedBytes ?? []);
  return {
    endpoints: answers.map((each) => endpointOf(id, each)),
    directions: sender?.copies,
    copiedBytes: bytes.length === 0 ? undefined : bytes.reduce((sum, each) => sum + each, 0),
    sentPackets: sender?.sentPackets,
    receivedPackets,
    reportedPackets: sender?.reportedPackets,
    lostPackets: fewerLost(sender?.lostPackets, sender?.sentPackets, receivedPackets),
    refusedCopies: sender?.refusedCopies,
    turnedAwayPackets: sender?.turnedAwayPackets,
    fit: sender?.fit?.says,
    degraded: sender?.degraded,
    idle: sender?.idle,
    inFront: sender?.inFront,
  };
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

function endpointOf(
  id: string,
  { pod: { role, name, node }, status, trouble }: AgentAnswer,
): Account['endpoints'][number] {
  const told = status?.endpoints?.find(({ tap }) => tap === id);
  return {
    role,
    pod: name,
    node,
    state: told?.state,
    reason: told?.reason ?? trouble,
    warning: told?.warning,
  };
}
