import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { ROLE_LABEL, TAP_LABEL } from '#src/pods/labels.ts';
import type { PodManifest } from '#src/pods/manifests.ts';
import { type PodState, startingPodSchema } from './podState.ts';
import { Reasons } from './reasons.ts';

const LOOK_MS = 500;
const listSchema = z.object({ items: z.array(startingPodSchema) });

export interface Waiting {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told what is waited for, a line for each pod. */
  readonly tell: (lines: readonly string[]) => void;
}

/**
 * Waits until pods of taps, which are in one namespace, are ready, and with them the copies can flow; or until the signal.
 *
 * @throws {UserError} with the reason, when one cannot become so or it takes too long
 */
export async function untilReady(
  cluster: Cluster,
  pods: readonly PodManifest[],
  { timeoutMs, signal, tell }: Waiting,
): Promise<void> {
  const reasons = new Reasons(cluster);
  const ids = new Set(pods.map(({ metadata }) => metadata.labels[TAP_LABEL]));
  const labelSelector = `${TAP_LABEL} in (${[...ids].join(',')})`;
  const namespace = pods[0]?.metadata.namespace;
  const endMs = performance.now() + timeoutMs;
  while (!signal.aborted) {
    const list = await cluster.api.get({ kind: 'pods', namespace, labelSelector }, listSchema);
    const there = new Map((list?.items ?? []).map((pod) => [pod.metadata.name, pod]));
    const looked = await Promise.all(
      pods.map(async (pod) => ({
        pod,
        state: await reasons.stateOf(pod.metadata.name, there.get(pod.metadata.name)),
      })),
    );
    const failed = looked.find(({ state }) => state.kind === 'failed');
    const waiting = looked.filter(({ state }) => state.kind === 'waiting');
    if (failed !== undefined) throw new UserError(`The tap does not start: ${lineOf(failed)}`);
    if (waiting.length === 0) return;
    const lines = waiting.map(lineOf);
    if (performance.now() > endMs)
      throw new UserError(
        `The tap is not ready after ${timeoutMs / 1000} s: ${lines.join('; ')}; give it longer with --timeout, or leave it to itself with --no-wait`,
      );
    tell(lines.map((line) => `waiting for ${line}`));
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

function lineOf({ pod, state }: { readonly pod: PodManifest; readonly state: PodState }): string {
  const { name, labels } = pod.metadata;
  const who = `the ${labels[ROLE_LABEL]} on ${pod.spec.nodeName} (${name})`;
  return state.kind === 'ready' ? who : `${who}: ${state.reason}`;
}
