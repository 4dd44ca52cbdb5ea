import {
  type DestinationPod,
  documentText,
  type EndpointDocument,
  type Path,
  type ReceiverEndpoint,
  receiverEndpoint,
  type SenderEndpoint,
  senderEndpoint,
} from '#src/spec/endpoint.ts';
import type { Tap } from '#src/spec/tap.ts';
import { VERSION } from '#src/version.ts';
import type { AddressPair } from '#src/spec/address.ts';
import { annotations, labels, targetText } from './labels.ts';
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
}

/** Where the receiver's end of a tap is. */
export interface DestinationPlace {
  readonly node: string;
  readonly appArmor: AppArmorForm;
  /** The pod that gets it in its network; undefined: the node does. */
  readonly podUid: string | undefined;
}

export interface PodManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: ReturnType<typeof podSpec>;
}

/** The two sides of a target's copies. */
export interface TapEndpoints {
  readonly sender: SenderEndpoint;
  /** Undefined where the destination is outside the cluster. */
  readonly receiver: ReceiverEndpoint | undefined;
}

/** The pods of a tap: the sender, and the receiver unless the destination is outside the cluster. */
export function manifests(tap: Tap, whereabouts: Whereabouts): PodManifest[] {
  const { podNode, path, appArmor, destination } = whereabouts;
  const identity = identityOf(tap);
  const { sender, receiver } = endpointsOf(tap, whereabouts);
  const pods = [
    pod(tap, path, senderName(identity), sender, {
      role: 'sender',
      nodeName: podNode,
      appArmor,
      entersPods: true,
    }),
  ];
  const name = receiverName(identity);
  if (destination === undefined || receiver === undefined || name === undefined) return pods;
  return [
    ...pods,
    pod(tap, path, name, receiver, {
      role: 'receiver',
      nodeName: destination.node,
      appArmor: destination.appArmor,
      entersPods: receiver.destinationPod !== undefined,
    }),
  ];
}

/**
 * What the agents of a tap are to keep.
 *
 * @param joined whether other targets show their copies at the same mirror interface
 */
export function endpointsOf(
  tap: Tap,
  { podUid, hostNetwork, path, destination }: Whereabouts,
  joined?: true,
): TapEndpoints {
  const identity = identityOf(tap);
  const id = tapId(identity);
  const isSameNode = path.kind === 'same-node';
  const destinationPod = destinationPodOf(identity.destination, destination?.podUid);
  // A node has no name of a pod.
  const copied = tap.targetNode === undefined ? tap : { ...tap, pod: undefined };
  const sender = senderEndpoint(copied, {
    tapId: id,
    hostNetwork,
    podUid: hostNetwork ? undefined : podUid,
    path: endpointPath(path, 'sender'),
    externalPeer: destination === undefined,
    destinationPod: isSameNode ? destinationPod : undefined,
    joined: isSameNode ? joined : undefined,
  });
  if (destination === undefined) return { sender, receiver: undefined };
  const receiver = receiverEndpoint(
    {
      ...tap,
      // On the same node the sender has the port, and serves the metrics of both ends.
      metricsPort: isSameNode ? undefined : tap.metricsPort,
      tapNamespace: destinationPod && identity.tapNamespace,
    },
    { tapId: id, path: endpointPath(path, 'receiver'), destinationPod, joined },
  );
  return { sender, receiver };
}

function pod(
  tap: Tap,
  path: TapPath,
  name: string,
  endpoint: EndpointDocument,
  about: Omit<PodSpecInput, 'args'>,
): PodManifest {
  const identity = identityOf(tap);
  const vni = path.kind === 'vxlan' ? path.vni : undefined;
  const input = { ...about, args: [about.role, documentText(endpoint)] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: identity.tapNamespace,
      labels: labels({ tapId: tapId(identity), role: input.role, version: VERSION, vni }),
      annotations: { ...annotations([targetText(identity)], identity), ...podAnnotations(input) },
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
