import type { KnownNode, TargetPod } from '#src/controller/model.ts';
import type { TapSpec, TapStatus } from '#src/spec/tapResource.ts';
import { isTargeted } from './membership.ts';
import { unfitness } from './nodes.ts';

export type Failing = NonNullable<TapStatus['failing']>[number];

/** A pod whose packets can be copied, and its node. */
export interface Target {
  readonly pod: TargetPod;
  readonly node: KnownNode;
}

export interface Targets {
  /** How many pods the Tap is about. */
  readonly selected: number;
  /** In an order that stays, the oldest first. */
  readonly usable: readonly Target[];
  readonly failing: readonly Failing[];
}

/** More would not fit into the annotation of one receiver, which has up to 256 KiB. */
export const MOST_TARGETS = 700;

/**
 * The pods of a namespace that a Tap is about. A pod counts as soon as it has a node: its sender waits for its network, so that
 * the first packets are copied too. One that is being deleted still has packets.
 */
export function selectTargets(
  targets: TapSpec['targets'],
  pods: readonly TargetPod[],
  nodes: ReadonlyMap<string, KnownNode>,
): Targets {
  const selected = pods
    .filter((pod) => !pod.hasEnded && isTargeted(targets, pod))
    .toSorted((a, b) => compare(a.created, b.created) || compare(a.uid, b.uid));
  const usable: Target[] = [];
  const failing: Failing[] = [];
  for (const pod of selected) {
    const found = judge(pod, nodes, usable.length);
    if ('node' in found) usable.push({ pod, node: found.node });
    else failing.push({ node: pod.node, pod: pod.name, ...found });
  }
  return { selected: selected.length, usable, failing };
}

type Verdict = { readonly node: KnownNode } | { readonly reason: string; readonly message: string };

function judge(
  { node: name, hostNetwork }: TargetPod,
  nodes: ReadonlyMap<string, KnownNode>,
  before: number,
): Verdict {
  if (hostNetwork)
    return {
      reason: 'HostNetwork',
      message:
        "it has its node's network, whose packets are not this namespace's alone: tap it with kokotap --pod",
    };
  if (name === undefined) return { reason: 'NotScheduled', message: 'it has no node yet' };
  const node = nodes.get(name);
  if (node === undefined) return { reason: 'NodeNotFound', message: `there is no node ${name} any more` };
  const why = unfitness(node);
  if (why !== undefined) return { reason: 'NodeUnfit', message: why };
  if (before >= MOST_TARGETS)
    return {
      reason: 'TooManyTargets',
      message: `a Tap copies ${MOST_TARGETS} pods at most: make several, each with a part of them`,
    };
  return { node };
}

/** By code units: the same everywhere. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
