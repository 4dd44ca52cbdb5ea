import type { TargetPod } from '#src/controller/model.ts';
import { selects } from '#src/pods/labelSelector.ts';
import type { TapSpec } from '#src/spec/tapResource.ts';

/** Of a Deployment's ReplicaSets and their pods: the hash that the names of the ReplicaSets end with. */
const HASH_LABEL = 'pod-template-hash';
const MOST_NAME_CHARACTERS = 253;

/** What a decision needs to know of a pod to tell whether a Tap is about it. */
type Candidate = Pick<TargetPod, 'labels' | 'owner'>;

/** Whether a Tap is about a pod of its namespace: by the pod's labels, or by the workload that owns it. */
export function isTargeted({ selector, ref }: TapSpec['targets'], pod: Candidate): boolean {
  return ref === undefined ? selects(selector, pod.labels) : belongsTo(ref, pod);
}

/**
 * Whether a workload has made a pod. The pods of a Deployment are owned by its ReplicaSets, and these are known by the name that
 * the Deployment gives them, so that nothing but pods has to be read.
 */
function belongsTo({ kind, name }: NonNullable<TapSpec['targets']['ref']>, pod: Candidate): boolean {
  const { owner, labels } = pod;
  if (owner === undefined) return false;
  if (kind !== 'Deployment') return owner.kind === kind && owner.name === name;
  const hash = labels[HASH_LABEL];
  return owner.kind === 'ReplicaSet' && hash !== undefined && owner.name === replicaSetName(name, hash);
}

/** As Kubernetes' deployment controller names it (generateReplicaSetName). */
function replicaSetName(deployment: string, hash: string): string {
  return `${deployment.slice(0, MOST_NAME_CHARACTERS - 1 - hash.length)}-${hash}`;
}
