import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { TapPod } from '#src/kube/schemas.ts';
import { OWN_PREFIX, TAP_LABEL } from '#src/pods/labels.ts';
import { receiverName, senderName } from '#src/spec/names.ts';
import { tapId, type TapIdentity } from '#src/spec/tapId.ts';

/** What the printed manifests set; the cluster adds much more to an object than `kubectl apply` may send back. */
const SPEC_KEYS = new Set([
  'nodeName',
  'hostNetwork',
  'hostPID',
  'shareProcessNamespace',
  'restartPolicy',
  'terminationGracePeriodSeconds',
  'activeDeadlineSeconds',
  'automountServiceAccountToken',
  'enableServiceLinks',
  'tolerations',
  'imagePullSecrets',
  'readinessGates',
  'containers',
  // Of taps of earlier builds.
  'volumes',
]);

/**
 * Manifests of the tap's pods that are in the cluster, found by their names alone, so that a tap can be removed
 * also when its target is gone. Empty if there are none, or none that may be seen.
 *
 * @throws {UserError} if the API cannot be asked for them
 */
export async function leftoverManifests(api: KubeApi, identity: TapIdentity): Promise<object[]> {
  const { tapNamespace } = identity;
  const names = [senderName(identity), receiverName(identity) ?? []].flat();
  const found = await Promise.all(names.map((name) => findPod(api, tapNamespace, name)));
  // A plain name can be that of the pod's tap to another destination: that one stays.
  return found
    .filter((pod) => pod?.metadata.labels?.[TAP_LABEL] === tapId(identity))
    .flatMap((pod) => (pod ? [manifestOf(pod)] : []));
}

/** Whoever may not see a tap's pods hears of its target only. */
async function findPod(api: KubeApi, namespace: string, name: string): Promise<TapPod | undefined> {
  try {
    return await api.getTapPod(namespace, name);
  } catch (error) {
    if (error instanceof ForbiddenError) return undefined;
    throw error;
  }
}

function manifestOf({ metadata, spec }: TapPod): object {
  const { annotations = {}, ...identifying } = metadata;
  const ours = Object.entries(annotations).filter(([key]) => key.startsWith(OWN_PREFIX));
  const printed = Object.entries(spec).filter(([key]) => SPEC_KEYS.has(key));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...identifying, annotations: Object.fromEntries(ours) },
    spec: Object.fromEntries(printed),
  };
}
