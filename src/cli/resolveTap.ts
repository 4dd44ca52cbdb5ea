import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { ResolvedTap, TapPath } from '#src/tap/manifests.ts';
import { tapId } from '#src/tap/tapId.ts';
import { VERSION } from '#src/version.ts';
import { missingNode, missingPod } from './missing.ts';
import { checkNodeFitness } from './nodeFitness.ts';
import type { TapOptions } from './options.ts';
import { nodeToAddress, nodeToNode } from './nodeAddresses.ts';
import { isReady, knowsAppArmorField, type NamedNode } from './path.ts';
import { isOfEarlierPod, refuseTakenName } from './takenName.ts';
import { checkNodeTap, checkTarget, type Target } from './target.ts';
import { quote } from './text.ts';
import { vniFromCluster } from './vniChoice.ts';

export type Warn = (message: string) => void;

/**
 * Completes what the user wants with what only the cluster knows: where the pod is, and the nodes' addresses.
 *
 * @throws {UnresolvedError} if the pod cannot be tapped, or its packets cannot travel to the destination.
 * @throws {UserError} if the cluster cannot be asked, or another tap has the sender's name.
 */
export async function resolveTap(api: KubeApi, options: TapOptions, warn: Warn): Promise<ResolvedTap> {
  const { identity } = options;
  const pendingTarget = findTarget(api, options, warn);
  const pendingEnd = findEnd(api, options);
  const pendingName = refuseTakenName(api, identity);
  // All run at once; if several fail, the user hears of the target first.
  await Promise.allSettled([pendingTarget, pendingEnd, pendingName]);
  const target = await pendingTarget;
  const sender = await pendingName;
  if (sender !== undefined && isOfEarlierPod(sender, target))
    warn(
      `The tap that is there is of an earlier pod ${quote(identity.pod)}, with another UID: delete it with this line and kubectl delete -f -, then create it again`,
    );
  const { start, path } = await findPath(api, options, target.node, await pendingEnd, warn);
  return {
    ...options,
    podUid: target.uid,
    hostNetwork: target.hostNetwork,
    podNode: target.node,
    appArmor: knowsAppArmorField(start) ? 'field' : 'annotation',
    path,
    version: VERSION,
  };
}

/** The end of the path: a node of the cluster, or an address outside. */
type End = NamedNode | string;

async function findTarget(api: KubeApi, options: TapOptions, warn: Warn): Promise<Target> {
  const { identity, container } = options;
  const { targetNamespace, pod: name } = identity;
  const pod = await api.getPod(targetNamespace, name);
  if (!pod) throw missingPod(api, targetNamespace, name);
  const label = `Pod ${quote(name)} in namespace ${quote(targetNamespace)}`;
  const target = checkTarget(pod, label, container);
  if (target.hostNetwork) checkNodeTap(target, label, options);
  if (target.beingDeleted) warn(`${label} is being deleted: the tap will end with it`);
  return target;
}

async function findEnd(api: KubeApi, { identity: { destination }, anyNode }: TapOptions): Promise<End> {
  return destination.kind === 'ip' ? destination.address : findNode(api, destination.node, anyNode);
}

async function findNode(api: KubeApi, name: string, anyNode: boolean): Promise<NamedNode> {
  const node = await api.getNode(name);
  if (!node) throw missingNode(api, name);
  checkNodeFitness(name, node, anyNode);
  return { name, node };
}

async function findPath(
  api: KubeApi,
  { identity, vni, vxlanPort, anyNode, sourceAddress, destAddress }: TapOptions,
  podNode: string,
  end: End,
  warn: Warn,
): Promise<{ start: NamedNode; path: TapPath }> {
  if (typeof end !== 'string') warnIfNotReady(end, warn);
  if (typeof end !== 'string' && end.name === podNode) return { start: end, path: { kind: 'same-node' } };
  const pendingStart = findNode(api, podNode, anyNode);
  const pendingVni = vni ?? vniFromCluster(api, tapId(identity));
  await Promise.allSettled([pendingStart, pendingVni]);
  const start = await pendingStart;
  warnIfNotReady(start, warn);
  const from = { ...start, flag: '--source-address', named: sourceAddress } as const;
  const addresses =
    typeof end === 'string'
      ? nodeToAddress(from, end, warn)
      : nodeToNode(from, { ...end, flag: '--dest-address', named: destAddress }, warn);
  return { start, path: { kind: 'vxlan', vni: await pendingVni, port: vxlanPort, addresses } };
}

function warnIfNotReady(node: NamedNode, warn: Warn): void {
  if (!isReady(node)) warn(`Node ${quote(node.name)} is not ready: the tap will work once it is`);
}
