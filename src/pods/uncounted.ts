import { OWN_PREFIX } from './labels.ts';
import type { PodManifest } from './manifests.ts';

/** Nothing ever says that it is so. */
const GATE = `${OWN_PREFIX}counted`;

/**
 * Pods that are never Ready, whatever their containers say. A PodDisruptionBudget counts Ready pods as healthy ones of the
 * application that it selects, and has no other way to leave one out; a tap's pods are none of it.
 */
export function uncounted(pods: readonly PodManifest[]): PodManifest[] {
  return pods.map((pod) => ({
    ...pod,
    spec: { ...pod.spec, readinessGates: [{ conditionType: GATE }] },
  }));
}
