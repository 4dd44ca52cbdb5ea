import { receiverDocument, senderDocument, type Path } from '#src/spec/endpoint.ts';
import type { Tap } from '#src/spec/tap.ts';
import { VERSION } from '#src/version.ts';
import type { AddressPair } from '#src/spec/address.ts';
import { annotations, labels } from './labels.ts';
import type { Role } from '#src/tap/ownership/mark.ts';
import { receiverName, senderName } from '#src/spec/names.ts';
import type { AppArmorForm } from './appArmor.ts';
import { podAnnotations, podSpec } from './podSpec.ts';
import { identityOf, tapId } from '#src/spec/tapId.ts';

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
}

export type PodManifest = ReturnType<typeof pod>;

/** The pods of a tap: the sender, and the receiver unless the destination is outside the cluster. */
export function manifests(tap: Tap, whereabouts: Whereabouts): PodManifest[] {
  const { destination } = tap;
  const { podUid, hostNetwork, podNode, path } = whereabouts;
  const identity = identityOf(tap);
  const id = tapId(identity);
  const sender = senderDocument(tap, {
    tapId: id,
    hostNetwork,
    podUid: hostNetwork ? undefined : podUid,
    path: endpointPath(path, 'sender'),
    externalPeer: 'address' in destination,
  });
  const pods = [pod(tap, whereabouts, 'sender', senderName(identity), podNode, sender)];
  if ('address' in destination) return pods;
  const receiver = receiverDocument(
    // On the same node the sender has the port, and serves the metrics of both ends.
    path.kind === 'same-node' ? { ...tap, metricsPort: undefined } : tap,
    { tapId: id, path: endpointPath(path, 'receiver') },
  );
  const { node } = destination;
  return [...pods, pod(tap, whereabouts, 'receiver', receiverName(identity, node), node, receiver)];
}

function pod(
  tap: Tap,
  { path, appArmor }: Whereabouts,
  role: Role,
  name: string,
  nodeName: string,
  document: string,
) {
  const identity = identityOf(tap);
  const vni = path.kind === 'vxlan' ? path.vni : undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: identity.tapNamespace,
      labels: labels({ tapId: tapId(identity), role, version: VERSION, vni }),
      annotations: { ...annotations(identity), ...podAnnotations({ role, appArmor }) },
    },
    spec: podSpec(tap, { role, nodeName, args: [role, document], appArmor }),
  };
}

function endpointPath(path: TapPath, role: Role): Path {
  if (path.kind === 'same-node') return path;
  const { vni, port, addresses } = path;
  const [local, remote] = [addresses.local.text, addresses.remote.text];
  return role === 'sender'
    ? { kind: 'vxlan', vni, port, local, remote }
    : { kind: 'vxlan', vni, port, local: remote, remote: local };
}
