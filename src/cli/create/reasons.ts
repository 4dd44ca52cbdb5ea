import * as z from 'zod/mini';
import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { ForbiddenError } from '#src/kube/failures.ts';
import { askAgent } from '../agentStatus.ts';
import { podStateOf, type PodState, type StartingPod } from './podState.ts';

const eventsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ creationTimestamp: z.nullish(z.string()) }),
      type: z.optional(z.string()),
      reason: z.optional(z.string()),
      message: z.optional(z.string()),
      lastTimestamp: z.nullish(z.string()),
    }),
  ),
});

/** Of an agent that starts, enough to have its last state among them. */
const LOG_LINES = 50;

interface ToldState {
  readonly state?: string | undefined;
  readonly reason?: string | undefined;
}

const logLineSchema = z.object({ state: z.string(), msg: z.string() });

/** The last state that an agent's log tells; undefined: none. */
export function lastState(log: string): ToldState | undefined {
  const told = log.split('\n').flatMap((line) => {
    const { data } = z.safeParse(logLineSchema, line.startsWith('{') ? parseJson(line) : undefined);
    return data === undefined ? [] : [{ state: data.state, reason: data.msg }];
  });
  return told.at(-1);
}

/** A line may be cut short. */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** So long a pod may take to start before anybody is asked why. */
const PATIENCE_MS = 3000;
/** So long a pod that was made may be unknown. */
const UNSEEN_MS = 10_000;
/** Between two questions about one pod. */
const BETWEEN_MS = 2000;

/** Why pods are not ready yet, as far as it can be found out. */
export class Reasons {
  readonly #cluster: Cluster;
  readonly #beginMs = performance.now();
  readonly #seen = new Set<string>();
  readonly #known = new Map<string, { readonly atMs: number; readonly reason: string }>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Where a pod stands, with what its events or its agent say of it.
   *
   * @param pod undefined: the API does not have it
   */
  async stateOf(name: string, pod: StartingPod | undefined): Promise<PodState> {
    // A busy API server does not have at once what it has just taken.
    if (pod === undefined && !this.#seen.has(name) && performance.now() - this.#beginMs < UNSEEN_MS)
      return { kind: 'waiting', reason: 'the API server has yet to show it' };
    this.#seen.add(name);
    const state = podStateOf(pod);
    if (pod === undefined || state.kind !== 'waiting' || state.knows === undefined) return state;
    const nowMs = performance.now();
    if (nowMs - this.#beginMs < PATIENCE_MS) return state;
    const key = `${pod.metadata.uid} ${state.knows}`;
    const known = this.#known.get(key);
    if (known !== undefined && nowMs - known.atMs < BETWEEN_MS)
      return { kind: 'waiting', reason: known.reason };
    const asked = state.knows === 'agent' ? this.#askAgent(pod) : this.#askEvents(pod);
    const reason = (await asked.catch(unknownWhy)) ?? state.reason;
    this.#known.set(key, { atMs: performance.now(), reason });
    return { kind: 'waiting', reason };
  }

  async #askAgent({ metadata }: StartingPod): Promise<string | undefined> {
    const { endpoints = [] } = await askAgent(this.#cluster, metadata).catch(async (error: unknown) => {
      if (!(error instanceof ForbiddenError)) throw error;
      return { endpoints: await this.#readLog(metadata) };
    });
    if (endpoints.length === 0) return undefined;
    const notReady = endpoints.filter(({ state }) => state !== 'ready');
    return notReady.map(({ reason }) => reason).join('; ') || 'it is ready, which its node has yet to notice';
  }

  /** An agent writes each of its states into its log. */
  async #readLog({ namespace, name }: StartingPod['metadata']): Promise<readonly ToldState[]> {
    const log = (await this.#cluster.api.getLog(namespace, name, LOG_LINES)) ?? '';
    return [lastState(log)].flatMap((state) => state ?? []);
  }

  async #askEvents({ metadata: { namespace, uid } }: StartingPod): Promise<string | undefined> {
    const fieldSelector = `involvedObject.uid=${uid}`;
    const list = await this.#cluster.api.get({ kind: 'events', namespace, fieldSelector }, eventsSchema);
    const timeOf = ({ lastTimestamp, metadata }: z.infer<typeof eventsSchema>['items'][number]) =>
      Date.parse(lastTimestamp ?? metadata.creationTimestamp ?? '') || 0;
    const last = (list?.items ?? []).toSorted((one, other) => timeOf(one) - timeOf(other)).at(-1);
    if (last === undefined) return undefined;
    return last.type === 'Warning' ? `${last.reason}: ${last.message}` : last.message;
  }
}

/** Reasons are a courtesy: a right that is missing, or an agent that cannot answer yet, keeps nobody waiting. */
function unknownWhy(error: unknown): undefined {
  if (!(error instanceof UserError)) throw error;
}
