import type { TapPod } from '#src/controller/model.ts';
import type { Destination } from './endpoints.ts';
import type { WantedPod } from './tapPods.ts';

/** What is to be done in the cluster. */
export type Change =
  | { readonly do: 'create'; readonly name: string; readonly manifest: object }
  /** Gives a running pod another list. `emptySince`: of an empty one, since when. */
  | {
      readonly do: 'set endpoints';
      readonly name: string;
      readonly uid: string;
      readonly endpoints: string;
      readonly emptySince: string | null;
    }
  | { readonly do: 'delete'; readonly name: string; readonly uid: string }
  | { readonly do: 'apply VNI list'; readonly name: string; readonly manifest: object }
  | { readonly do: 'delete VNI list'; readonly name: string; readonly uid: string }
  | { readonly do: 'delete tap'; readonly uid: string };

/** How long a sender without targets stays. */
const LINGERING_MS = 60_000;

/**
 * The steps from the pods that a Tap has to those that it should have. A pod that has another form is made anew when the old
 * one is gone, for both have one name.
 */
export function planPods(
  wanted: readonly WantedPod[],
  tapPods: readonly TapPod[],
  destination: Destination,
  nowMs: number,
): { readonly changes: Change[]; readonly againInMs: number | undefined } {
  const byName = new Map(tapPods.map((pod) => [pod.name, pod]));
  const names = new Set(wanted.map(({ name }) => name));
  const changes: Change[] = [];
  let againInMs: number | undefined;
  for (const pod of tapPods) if (!names.has(pod.name) && !pod.isEnding) changes.push(deletion(pod));
  for (const want of wanted) {
    const pod = byName.get(want.name);
    if (pod === undefined) {
      if (mayBeMade(want, destination))
        changes.push({ do: 'create', name: want.name, manifest: want.manifest });
      continue;
    }
    if (pod.isEnding) continue;
    const leftMs = lingersForMs(want, pod, nowMs);
    if (pod.hasEnded || pod.form !== want.form || leftMs <= 0) {
      changes.push(deletion(pod));
      continue;
    }
    if (pod.endpoints !== want.endpoints || (want.isEmpty && isUnknown(pod, nowMs)))
      changes.push({
        do: 'set endpoints',
        name: pod.name,
        uid: pod.uid,
        endpoints: want.endpoints,
        emptySince: want.isEmpty ? new Date(nowMs).toISOString() : null,
      });
    if (leftMs < Infinity) againInMs = Math.min(againInMs ?? Infinity, leftMs);
  }
  return { changes, againInMs };
}

function deletion({ name, uid }: TapPod): Change {
  return { do: 'delete', name, uid };
}

/** A node that is being drained gets no new receiver; a sender goes where its targets are. */
function mayBeMade({ role, isEmpty }: WantedPod, destination: Destination): boolean {
  if (role === 'sender') return !isEmpty;
  return 'node' in destination && !destination.node.isCordoned;
}

/** Since when a list is empty is not known, or was said by a clock that has been set back since. */
function isUnknown({ role, emptySinceMs }: TapPod, nowMs: number): boolean {
  return role === 'sender' && (emptySinceMs === undefined || emptySinceMs > nowMs);
}

/** A receiver stays, so that captures on its interface go on. */
function lingersForMs({ role, isEmpty }: WantedPod, { emptySinceMs }: TapPod, nowMs: number): number {
  if (role === 'receiver' || !isEmpty) return Infinity;
  return emptySinceMs === undefined ? LINGERING_MS : emptySinceMs + LINGERING_MS - nowMs;
}
