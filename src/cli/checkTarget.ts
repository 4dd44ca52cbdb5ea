import { UnresolvedError } from './unresolvedError.ts';
import type { Pod } from '#src/kube/schemas.ts';
import { NODE_VXLAN_PORT } from '#src/spec/endpoint.ts';
import type { Tap } from '#src/spec/tap.ts';
import { cgroupUid } from '#src/pods/cgroupUid.ts';
import { nearNames } from './nearNames.ts';
import { quote } from './text.ts';

/** A pod that can be tapped, or be given the copies, as far as a tap depends on it. */
export interface Target {
  readonly uid: string;
  readonly node: string;
  /** It has its node's network. */
  readonly hostNetwork: boolean;
  readonly beingDeleted: boolean;
}

/**
 * Checks that a pod can be tapped now.
 *
 * @param label - how messages name the pod.
 * @throws {UnresolvedError} if it has no such container or is not running.
 */
export function checkTarget(pod: Pod, label: string, container: string | undefined): Target {
  const target = checkRunning(pod, label, 'tap a running pod');
  if (container !== undefined) checkContainer(pod, label, container);
  return target;
}

/**
 * Checks that a pod can get a mirror interface now.
 *
 * @param label - how messages name the pod.
 * @throws {UnresolvedError} if it is not running or has no network of its own.
 */
export function checkDestinationPod(pod: Pod, label: string): Target {
  const found = checkRunning(pod, label, 'name a running --dest-pod');
  if (found.hostNetwork)
    throw new UnresolvedError(
      `${label} uses the network of its node ${quote(found.node)} (hostNetwork): give --dest-node=${found.node} instead of --dest-pod`,
    );
  return found;
}

function checkRunning(pod: Pod, label: string, advice: string): Target {
  const { metadata, spec, status } = pod;
  const phase = status?.phase ?? 'Unknown';
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw new UnresolvedError(`${label} has finished (phase ${phase}): ${advice}`);
  }
  if (spec.nodeName === undefined || (phase !== 'Running' && !initContainerRuns(pod))) {
    throw new UnresolvedError(
      `${label} is not running yet (phase ${phase}): wait until it is, then try again`,
    );
  }
  return {
    uid: cgroupUid(pod),
    node: spec.nodeName,
    hostNetwork: spec.hostNetwork === true,
    beingDeleted: metadata.deletionTimestamp !== undefined,
  };
}

/**
 * Checks that copies of a node's packets have a way that is not copied too.
 *
 * @param label - how messages name the pod.
 * @param destinationNode - undefined: the destination is outside the cluster.
 * @throws {UnresolvedError} if the destination is on the same node, or the tunnel is not known by its port.
 */
export function checkNodeTap(
  { node }: Target,
  label: string,
  { destination, vxlanPort }: Tap,
  destinationNode: string | undefined,
): void {
  const uses = `${label} uses the network of its node ${quote(node)} (hostNetwork)`;
  if (destinationNode === node)
    throw new UnresolvedError(
      'pod' in destination
        ? `${uses}, and --dest-pod is on that node too: name a pod on another node, or capture on the node itself`
        : `${uses}, and so would the mirror: name another --dest-node, or capture on the node itself`,
    );
  if (vxlanPort !== NODE_VXLAN_PORT)
    throw new UnresolvedError(
      `${uses}, and --vxlan-port ${vxlanPort} is not possible for such a pod: taps of nodes leave out each other's copies by UDP port ${NODE_VXLAN_PORT}, and on two ports would copy them for ever; leave the flag out`,
    );
}

/** While init containers run, the phase is Pending, but the pod has its network namespace. */
function initContainerRuns({ status }: Pod): boolean {
  return (status?.initContainerStatuses ?? []).some(({ state }) => state?.running !== undefined);
}

function checkContainer({ spec }: Pod, label: string, container: string): void {
  const names = [spec.initContainers, spec.containers, spec.ephemeralContainers]
    .flatMap((containers) => containers ?? [])
    .map(({ name }) => name);
  if (names.includes(container)) return;
  const near = nearNames(container, names);
  const hint =
    near.length > 0
      ? `did you mean ${near.map(quote).join(' or ')}?`
      : `it has ${names.map(quote).join(', ')}`;
  throw new UnresolvedError(`${label} has no container ${quote(container)}: ${hint}`);
}
