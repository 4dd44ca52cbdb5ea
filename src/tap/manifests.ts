import type { AddressPair } from './address.ts';
import type { Direction } from './direction.ts';
import { annotations, labels } from './labels.ts';
import type { Role } from './mark.ts';
import { receiverName, senderName } from './names.ts';
import { type AppArmorForm, podAnnotations, podSpec } from './podSpec.ts';
import type { ResourceWishes } from './resources.ts';
import { tapId, type TapIdentity } from './tapId.ts';

/** How the copies travel. `addresses.local` is that of the target's node. */
export type TapPath =
  | { readonly kind: 'same-node' }
  | { readonly kind: 'vxlan'; readonly vni: number; readonly port: number; readonly addresses: AddressPair };

/** All that the manifests of a tap depend on. */
export interface ResolvedTap {
  readonly identity: TapIdentity;
  readonly podUid: string;
  /** The target is its node: the pod has no network of its own. */
  readonly hostNetwork: boolean;
  readonly podNode: string;
  /** How the target's node is told of a container's AppArmor profile. */
  readonly appArmor: AppArmorForm;
  readonly direction: Direction;
  readonly filter: string | undefined;
  readonly snaplenBytes: number | undefined;
  readonly oneIn: number | undefined;
  readonly maxBytesPerSecond: number | undefined;
  readonly metricsPort: number | undefined;
  readonly path: TapPath;
  readonly image: string;
  readonly version: string;
  readonly durationSeconds: number | undefined;
  readonly resources: ResourceWishes;
}

export type PodManifest = ReturnType<typeof pod>;

/** The pods of a tap: the sender, and the receiver unless the destination is outside the cluster. */
export function manifests(tap: ResolvedTap): PodManifest[] {
  const { identity, podNode } = tap;
  const sender = pod(tap, 'sender', senderName(identity), podNode, senderArgs(tap));
  if (identity.destination.kind === 'ip') return [sender];
  const { node } = identity.destination;
  return [sender, pod(tap, 'receiver', receiverName(identity, node), node, receiverArgs(tap))];
}

function pod(tap: ResolvedTap, role: Role, name: string, nodeName: string, args: readonly string[]) {
  const { identity, image, version, durationSeconds, path, appArmor, resources } = tap;
  const vni = path.kind === 'vxlan' ? path.vni : undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: identity.tapNamespace,
      labels: labels({ tapId: tapId(identity), role, version, vni }),
      annotations: { ...annotations(identity), ...podAnnotations({ role, appArmor }) },
    },
    spec: podSpec({ role, nodeName, image, args, durationSeconds, appArmor, resources }),
  };
}

function senderArgs(tap: ResolvedTap): string[] {
  const { identity, podUid, hostNetwork, direction, filter, snaplenBytes, oneIn, maxBytesPerSecond, path } =
    tap;
  return [
    'sender',
    `--tap-id=${tapId(identity)}`,
    ...(hostNetwork ? ['--host-network'] : targetArgs(identity, podUid)),
    `--pod-ifname=${identity.podIfname}`,
    `--ifname=${identity.ifname}`,
    `--mirror-type=${direction}`,
    ...(filter === undefined ? [] : [`--filter=${filter}`]),
    ...(snaplenBytes === undefined ? [] : [`--snaplen=${snaplenBytes}`]),
    ...(oneIn === undefined ? [] : [`--one-in=${oneIn}`]),
    ...(maxBytesPerSecond === undefined ? [] : [`--max-bytes-per-second=${maxBytesPerSecond}`]),
    ...metricsArgs(tap),
    ...pathArgs(path, ({ local, remote }) => [local.text, remote.text]),
    ...(identity.destination.kind === 'ip' ? ['--external-peer'] : []),
  ];
}

function targetArgs({ targetNamespace, pod: name, tapNamespace }: TapIdentity, podUid: string): string[] {
  return [`--pod-uid=${podUid}`, `--pod=${targetNamespace}/${name}`, `--tap-namespace=${tapNamespace}`];
}

function receiverArgs(tap: ResolvedTap): string[] {
  const { identity, path } = tap;
  return [
    'receiver',
    `--tap-id=${tapId(identity)}`,
    `--ifname=${identity.ifname}`,
    // On the same node the sender has the port, and tells of both ends.
    ...(path.kind === 'same-node' ? [] : metricsArgs(tap)),
    ...pathArgs(path, ({ local, remote }) => [remote.text, local.text]),
  ];
}

function metricsArgs({ metricsPort }: ResolvedTap): string[] {
  return metricsPort === undefined ? [] : [`--metrics-port=${metricsPort}`];
}

function pathArgs(path: TapPath, ends: (addresses: AddressPair) => readonly [string, string]): string[] {
  if (path.kind === 'same-node') return ['--same-node'];
  const [local, remote] = ends(path.addresses);
  return [`--vni=${path.vni}`, `--vxlan-port=${path.port}`, `--local=${local}`, `--remote=${remote}`];
}
