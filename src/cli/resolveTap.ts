import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Tap } from '#src/spec/tap.ts';
import type { TapPod } from '#src/kube/schemas.ts';
import type { Whereabouts, TapPath } from '#src/pods/manifests.ts';
import { receiverName } from '#src/spec/names.ts';
import type { NumberedTap } from '#src/spec/vni.ts';
import { identityOf, tapId } from '#src/spec/tapId.ts';
import { type End, findEnd, findNode, placeOf } from './destination.ts';
import { missingPod } from './missing.ts';
import { nodeToAddress, nodeToNode } from './nodeAddresses.ts';
import { appArmorForm, isReady, type NamedNode } from './namedNode.ts';
import { isOfEarlierDestination, isOfEarlierPod, refuseTakenName } from './takenName.ts';
import { checkNodeTap, checkTarget, type Target } from './checkTarget.ts';
import { podLabel, quote } from './text.ts';
import { UnresolvedError } from './unresolvedError.ts';
import { vniFromCluster } from './vniChoice.ts';

export type Warn = (message: string) => void;

/**
 * Completes what the user wants with what only the cluster knows: where the pod is, and the nodes' addresses.
 *
 * @param planned taps that are not there yet, but whose VNIs are taken
 * @throws {UnresolvedError} if the pod cannot be tapped, or its packets cannot travel to the destination.
 * @throws {UserError} if the cluster cannot be asked, or another tap has the sender's name.
 */
export async function resolveTap(
  api: KubeApi,
  tap: Tap,
  warn: Warn,
  planned: readonly NumberedTap[] = [],
): Promise<Whereabouts> {
  const identity = identityOf(tap);
  const pendingTarget = findTarget(api, tap, warn);
  const pendingEnd = findEnd(api, tap, warn);
  const pendingName = refuseTakenName(api, identity);
  const pendingReceiver = findReceiver(api, tap);
  // All run at once; if several fail, the user hears of the target first.
  await Promise.allSettled([pendingTarget, pendingEnd, pendingName, pendingReceiver]);
  const target = await pendingTarget;
  const sender = await pendingName;
  if (sender !== undefined && isOfEarlierPod(sender, target)) warn(earlierPod(tap.pod));
  const end = await pendingEnd;
  const endNode = 'address' in end ? undefined : end.node.name;
  if (target.hostNetwork) checkNodeTap(target, labelOf(tap), tap, endNode);
  const tool = 'address' in end ? undefined : end.pod;
  if (tool?.target.uid === target.uid)
    throw new UnresolvedError(
      `--dest-pod and --pod both name ${quote(tap.pod)}: give another --dest-pod, or capture in the pod itself`,
    );
  const receiver = await pendingReceiver;
  if (receiver !== undefined && tool !== undefined && isOfEarlierDestination(receiver, tool.target))
    warn(earlierPod(tool.name));
  const { start, path } = await findPath(api, tap, target.node, end, { warn, planned });
  return {
    podUid: target.uid,
    hostNetwork: target.hostNetwork,
    podNode: target.node,
    appArmor: appArmorForm(start),
    path,
    destination: placeOf(end),
  };
}

/** How messages name the target. */
function labelOf({ targetNode, namespace, pod }: Tap): string {
  return targetNode === undefined ? podLabel(namespace, pod) : `A tap of node ${quote(targetNode)}`;
}

function earlierPod(name: string): string {
  return `The tap that is there is of an earlier pod ${quote(name)}, with another UID: delete it with this line and kubectl delete -f -, then create it again`;
}

async function findTarget(api: KubeApi, tap: Tap, warn: Warn): Promise<Target> {
  const { namespace, pod: name, targetNode, anyNode } = tap;
  if (targetNode !== undefined) {
    const { name: node } = await findNode(api, targetNode, anyNode);
    return { uid: '', node, hostNetwork: true, beingDeleted: false };
  }
  const pod = await api.getPod(namespace, name);
  if (!pod) throw missingPod(api, namespace, name);
  const label = podLabel(namespace, name);
  const target = checkTarget(pod, label, tap.container);
  if (target.beingDeleted) warn(`${label} is being deleted: the tap will end with it`);
  return target;
}

/** The receiver that is there of a tap whose destination is a pod; only of such a one it says more than its name. */
async function findReceiver(api: KubeApi, tap: Tap): Promise<TapPod | undefined> {
  const identity = identityOf(tap);
  const name = 'pod' in tap.destination ? receiverName(identity) : undefined;
  return name === undefined ? undefined : api.getTapPod(identity.tapNamespace, name);
}

async function findPath(
  api: KubeApi,
  tap: Tap,
  podNode: string,
  end: End,
  { warn, planned }: { readonly warn: Warn; readonly planned: readonly NumberedTap[] },
): Promise<{ start: NamedNode; path: TapPath }> {
  if (!('address' in end)) {
    warnIfNotReady(end.node, warn);
    if (end.node.name === podNode) return { start: end.node, path: { kind: 'same-node' } };
  }
  const pendingStart = findNode(api, podNode, tap.anyNode);
  const pendingVni =
    typeof tap.vni === 'number'
      ? tap.vni
      : vniFromCluster(api, tapId(identityOf(tap)), { range: tap.vni, planned });
  await Promise.allSettled([pendingStart, pendingVni]);
  const start = await pendingStart;
  warnIfNotReady(start, warn);
  const from = { ...start, flag: '--source-address', named: tap.sourceAddress } as const;
  const addresses =
    'address' in end
      ? nodeToAddress(from, end.address, warn)
      : nodeToNode(from, { ...end.node, flag: '--dest-address', named: tap.destinationAddress }, warn);
  return { start, path: { kind: 'vxlan', vni: await pendingVni, port: tap.vxlanPort, addresses } };
}

function warnIfNotReady(node: NamedNode, warn: Warn): void {
  if (!isReady(node)) warn(`Node ${quote(node.name)} is not ready: the tap will work once it is`);
}
