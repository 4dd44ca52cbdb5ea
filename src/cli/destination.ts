import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { DestinationPlace } from '#src/pods/manifests.ts';
import type { Tap } from '#src/spec/tap.ts';
import { identityOf } from '#src/spec/tapId.ts';
import { checkDestinationPod, type Target } from './checkTarget.ts';
import { missingNode, missingPod } from './missing.ts';
import { appArmorForm, type NamedNode } from './namedNode.ts';
import { checkNodeFitness } from './nodeFitness.ts';
import { podLabel } from './text.ts';

/** The end of the path: a node of the cluster, with the pod on it that gets the copies if not the node, or an address outside. */
export type End =
  | { readonly node: NamedNode; readonly pod: { readonly name: string; readonly target: Target } | undefined }
  | { readonly address: string };

/** What the pods of a tap have to know of it. */
export function placeOf(end: End): DestinationPlace | undefined {
  if ('address' in end) return undefined;
  const { node, pod } = end;
  return { node: node.name, appArmor: appArmorForm(node), podUid: pod?.target.uid };
}

/**
 * Finds where the copies of a tap go.
 *
 * @param warn told of what may be unexpected.
 * @throws {UnresolvedError} if it is not there, or cannot get them.
 */
export async function findEnd(api: KubeApi, tap: Tap, warn: (message: string) => void): Promise<End> {
  const { anyNode } = tap;
  const { destination } = identityOf(tap);
  if ('address' in destination) return destination;
  if ('node' in destination) return { node: await findNode(api, destination.node, anyNode), pod: undefined };
  const { namespace, pod: name } = destination;
  const pod = await api.getPod(namespace, name);
  if (!pod) throw missingPod(api, namespace, name);
  const label = podLabel(namespace, name);
  const target = checkDestinationPod(pod, label);
  if (target.beingDeleted) warn(`${label} is being deleted: the mirror will end with it`);
  return { node: await findNode(api, target.node, anyNode), pod: { name, target } };
}

/** @throws {UnresolvedError} if it is not there, or cannot have a pod of a tap. */
export async function findNode(api: KubeApi, name: string, anyNode: boolean): Promise<NamedNode> {
  const node = await api.getNode(name);
  if (!node) throw missingNode(api, name);
  checkNodeFitness(name, node, anyNode);
  return { name, node };
}
