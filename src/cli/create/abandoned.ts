import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { TAP_SELECTOR } from '#src/pods/labels.ts';
import { isAbandoned } from '#src/pods/unconfirmed.ts';

/** So far the clocks of this machine and of the API server may be apart. */
const APART_MS = 600_000;
/** A pod of a tap has 30 s to end. */
const LONGEST_MS = 60_000;
const LOOK_MS = 500;

const listSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        uid: z.string(),
        creationTimestamp: z.string(),
        annotations: z.optional(z.record(z.string(), z.string())),
      }),
    }),
  ),
});

/** Taps whose maker was killed have taken themselves away; their pods are left, which the next one removes. */
export async function removeAbandoned(api: KubeApi, namespace: string): Promise<void> {
  try {
    const list = await api.get({ kind: 'pods', namespace, labelSelector: TAP_SELECTOR }, listSchema);
    const abandoned = (list?.items ?? []).filter(({ metadata }) =>
      isAbandoned(metadata, Date.now() - APART_MS),
    );
    await Promise.all(
      abandoned.map(({ metadata: { name, uid } }) => api.delete({ kind: 'pods', namespace, name }, uid)),
    );
    const uids = new Set(abandoned.map(({ metadata: { uid } }) => uid));
    const endMs = performance.now() + LONGEST_MS;
    // Their targets count as tapped, and their names as taken, until they are gone.
    for (let left = uids.size; left > 0 && performance.now() < endMs;) {
      await sleep(LOOK_MS);
      const there = await api.get({ kind: 'pods', namespace, labelSelector: TAP_SELECTOR }, listSchema);
      left = (there?.items ?? []).filter(({ metadata: { uid } }) => uids.has(uid)).length;
    }
  } catch (error) {
    // Nobody has asked for it, and somebody else may do it.
    if (!(error instanceof UserError)) throw error;
  }
}
