import { type DestinationPod, receiverDocument, senderDocument, type Path } from '#src/spec/endpoint.ts';
import type { Tap } from '#src/spec/tap.ts';
import { VERSION } from '#src/version.ts';
import type { AddressPair } from '#src/spec/address.ts';
import { annotations, labels } from './labels.ts';
import type { Role } from '#src/tap/ownership/mark.ts';
import { readySocket } from '#src/tap/ownership/readySocket.ts';
import { receiverName, senderName } from '#src/spec/names.ts';
import type { AppArmorForm } from './appArmor.ts';
import { podAnnotations, podSpec, type PodSpecInput } from './podSpec.ts';
import { type DestinationIdentity, identityOf, tapId } from '#src/spec/tapId.ts';

/** How the copies travel. `addresses.local` is that of the target's node. */
export type TapPath =
  | { readonly kind: 'same-node' }
  | { readonly kind: 'vxlan'; readonly vni: number; readonly port: number; readonly addresses: AddressPair };

/** What of a tap only the cluster knows. */
export interface Whereabouts {
  readonly podUid: string;
  /** The target is its node: the pod has no network of its own. */
  readonly hostNetwork: boolean;
  readonly podNode: string;
  /** How the target's node is told of a container's AppArmor profile. */
  readonly appArmor: AppArmorForm;
  readonly path: TapPath;
  /** Undefined for one outside the cluster. */
  readonly destination: DestinationPlace | undefined;
  /** Other taps show their copies at the same mirror interface of the destination. */
  readonly joined?: boolean | undefined;
}

/** Where the receiver's end of a tap is. */
export interface DestinationPlace {
  readonly node: string;
  readonly appArmor: AppArmorForm;
  /** The pod that gets it in its network; undefined: the node does. */
  readonly podUid: string | undefined;
}

export type PodManifest = ReturnType<typeof pod>;

/** The pods of a tap: the sender, and the receiver unless the destination is outside the cluster. */
export function manifests(tap: Tap, whereabouts: Whereabouts): PodManifest[] {
  const { podUid, hostNetwork, podNode, path, appArmor, destination, joined } = whereabouts;
  const identity = identityOf(tap);
  const { tapNamespace } = identity;
  const id = tapId(identity);
  const isSameNode = path.kind === 'same-node';
  const destinationPod = destinationPodOf(identity.destination, destination?.podUid);
  // A node has no name of a pod.
  const copied = tap.targetNode === undefined ? tap : { ...tap, pod: undefined };
  const sender = senderDocument(copied, {
    tapId: id,
    hostNetwork,
    podUid: hostNetwork ? undefined : podUid,
    path: endpointPath(path, 'sender'),
    externalPeer: destination === undefined,
    destinationPod: isSameNode ? destinationPod : undefined,
    joined: isSameNode ? joined : undefined,
  });
  const pods = [
    pod(tap, path, senderName(identity), {
      role: 'sender',
      nodeName: podNode,
      args: ['sender', sender],
      appArmor,
      entersPods: true,
    }),
  ];
  const name = receiverName(identity);
  if (destination === undefined || name === undefined) return pods;
  const receiver = receiverDocument(
    {
      ...tap,
      // On the same node the sender has the port, and serves the metrics of both ends.
      metricsPort: isSameNode ? undefined : tap.metricsPort,
      tapNamespace: destinationPod && tapNamespace,
    },
    { tapId: id, path: endpointPath(path, 'receiver'), destinationPod, joined },
  );
  return [
    ...pods,
    pod(tap, path, name, {
      role: 'receiver',
      nodeName: destination.node,
      args: ['receiver', receiver],
      appArmor: destination.appArmor,
      entersPods: destinationPod !== undefined,
    }),
  ];
}

function pod(tap: Tap, path: TapPath, name: string, input: PodSpecInput) {
  const identity = identityOf(tap);
  const vni = path.kind === 'vxlan' ? path.vni : undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: identity.tapNamespace,
      labels: labels({ tapId: tapId(identity), role: input.role, version: VERSION, vni }),
      annotations: { ...annotations(identity), ...podAnnotations(input) },
    },
    spec: podSpec(tap, { ...input, readyAt: readySocket(input.role, tapId(identity)) }),
  };
}

function destinationPodOf(
  destination: DestinationIdentity,
  uid: string | undefined,
): DestinationPod | undefined {
  if (!('pod' in destination) || uid === undefined) return undefined;
  return { uid, name: destination.pod, namespace: destination.namespace };
}

function endpointPath(path: TapPath, role: Role): Path {
  if (path.kind === 'same-node') return path;
  const { vni, port, addresses } = path;
  const [local, remote] = [addresses.local.text, addresses.remote.text];
  return role === 'sender'
    ? { kind: 'vxlan', vni, port, local, remote }
    : { kind: 'vxlan', vni, port, local: remote, remote: local };
}
