import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Tap } from '#src/spec/tap.ts';
import type { Whereabouts, TapPath } from '#src/pods/manifests.ts';
import { identityOf, tapId } from '#src/spec/tapId.ts';
import { missingNode, missingPod } from './missing.ts';
import { checkNodeFitness } from './nodeFitness.ts';
import { nodeToAddress, nodeToNode } from './nodeAddresses.ts';
import { isReady, knowsAppArmorField, type NamedNode } from './namedNode.ts';
import { isOfEarlierPod, refuseTakenName } from './takenName.ts';
import { checkNodeTap, checkTarget, type Target } from './checkTarget.ts';
import { quote } from './text.ts';
import { vniFromCluster } from './vniChoice.ts';

export type Warn = (message: string) => void;

/**
 * Completes what the user wants with what only the cluster knows: where the pod is, and the nodes' addresses.
 *
 * @throws {UnresolvedError} if the pod cannot be tapped, or its packets cannot travel to the destination.
 * @throws {UserError} if the cluster cannot be asked, or another tap has the sender's name.
 */
export async function resolveTap(api: KubeApi, tap: Tap, warn: Warn): Promise<Whereabouts> {
  const pendingTarget = findTarget(api, tap, warn);
  const pendingEnd = findEnd(api, tap);
  const pendingName = refuseTakenName(api, identityOf(tap));
  // All run at once; if several fail, the user hears of the target first.
  await Promise.allSettled([pendingTarget, pendingEnd, pendingName]);
  const target = await pendingTarget;
  const sender = await pendingName;
  if (sender !== undefined && isOfEarlierPod(sender, target))
    warn(
      `The tap that is there is of an earlier pod ${quote(tap.pod)}, with another UID: delete it with this line and kubectl delete -f -, then create it again`,
    );
  const { start, path } = await findPath(api, tap, target.node, await pendingEnd, warn);
  return {
    podUid: target.uid,
    hostNetwork: target.hostNetwork,
    podNode: target.node,
    appArmor: knowsAppArmorField(start) ? 'field' : 'annotation',
    path,
  };
}

/** The end of the path: a node of the cluster, or an address outside. */
type End = NamedNode | string;

async function findTarget(api: KubeApi, tap: Tap, warn: Warn): Promise<Target> {
  const { namespace, pod: name } = tap;
  const pod = await api.getPod(namespace, name);
  if (!pod) throw missingPod(api, namespace, name);
  const label = `Pod ${quote(name)} in namespace ${quote(namespace)}`;
  const target = checkTarget(pod, label, tap.container);
  if (target.hostNetwork) checkNodeTap(target, label, tap);
  if (target.beingDeleted) warn(`${label} is being deleted: the tap will end with it`);
  return target;
}

async function findEnd(api: KubeApi, { destination, anyNode }: Tap): Promise<End> {
  return 'node' in destination ? findNode(api, destination.node, anyNode) : destination.address;
}

async function findNode(api: KubeApi, name: string, anyNode: boolean): Promise<NamedNode> {
  const node = await api.getNode(name);
  if (!node) throw missingNode(api, name);
  checkNodeFitness(name, node, anyNode);
  return { name, node };
}

async function findPath(
  api: KubeApi,
  tap: Tap,
  podNode: string,
  end: End,
  warn: Warn,
): Promise<{ start: NamedNode; path: TapPath }> {
  if (typeof end !== 'string') warnIfNotReady(end, warn);
  if (typeof end !== 'string' && end.name === podNode) return { start: end, path: { kind: 'same-node' } };
  const pendingStart = findNode(api, podNode, tap.anyNode);
  const pendingVni =
    typeof tap.vni === 'number' ? tap.vni : vniFromCluster(api, tapId(identityOf(tap)), tap.vni);
  await Promise.allSettled([pendingStart, pendingVni]);
  const start = await pendingStart;
  warnIfNotReady(start, warn);
  const from = { ...start, flag: '--source-address', named: tap.sourceAddress } as const;
  const addresses =
    typeof end === 'string'
      ? nodeToAddress(from, end, warn)
      : nodeToNode(from, { ...end, flag: '--dest-address', named: tap.destinationAddress }, warn);
  return { start, path: { kind: 'vxlan', vni: await pendingVni, port: tap.vxlanPort, addresses } };
}

function warnIfNotReady(node: NamedNode, warn: Warn): void {
  if (!isReady(node)) warn(`Node ${quote(node.name)} is not ready: the tap will work once it is`);
}
