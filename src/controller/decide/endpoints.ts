import type { KnownNode, TargetPod } from '#src/controller/model.ts';
import type { Address } from '#src/spec/address.ts';
import {
  NODE_VXLAN_PORT,
  type Path,
  type ReceiverEndpoint,
  receiverEndpoint,
  type SenderEndpoint,
  senderEndpoint,
} from '#src/spec/endpoint.ts';
import { hexDigest } from '#src/spec/tapId.ts';
import { copyingOf, type TapResource } from '#src/spec/tapResource.ts';
import { addressesBetween } from './nodes.ts';
import type { Failing, Target } from './targets.ts';

/** Where the copies go: a node, or a pod on it, or an address outside the cluster. */
export type Destination =
  | { readonly node: KnownNode; readonly pod: TargetPod | undefined }
  | { readonly address: Address };

/** What the agents of a Tap are to keep. */
export interface Endpoints {
  /** By node. */
  readonly senders: ReadonlyMap<string, readonly SenderEndpoint[]>;
  readonly receivers: readonly ReceiverEndpoint[];
  readonly failing: readonly Failing[];
  /** The VNI of each endpoint that has one. */
  readonly vnis: ReadonlyMap<string, number>;
}

/** Gives the VNI of an endpoint by its id: the one that it has, else one that nobody has. */
export type GiveVni = (endpointId: string) => number;

/** What is known by one id everywhere: in the kernels of both nodes, and in the lists of both agents. */
export function endpointId(tapUid: string, podUid: string): string {
  return hexDigest(`${tapUid}/${podUid}`, 12);
}

/** Both sides of each target's copies. */
export function endpointsOf(
  tap: TapResource,
  targets: readonly Target[],
  destination: Destination,
  giveVni: GiveVni,
  tapNamespace: string,
): Endpoints {
  const { spec, metadata } = tap;
  const senders = new Map<string, SenderEndpoint[]>();
  const receivers: ReceiverEndpoint[] = [];
  const failing: Failing[] = [];
  const vnis = new Map<string, number>();
  const common = { metricsPort: undefined, tapNamespace };
  const tool = 'node' in destination ? destination.pod : undefined;
  const destinationPod = tool && { uid: tool.uid, name: tool.name, namespace: tool.namespace };
  for (const { pod, node } of targets) {
    const tapId = endpointId(metadata.uid, pod.uid);
    const paths = pathsOf(node, destination, () => giveVni(tapId));
    if (paths === undefined) {
      const message = `node ${node.name} has no address of the destination's family`;
      failing.push({ node: node.name, pod: pod.name, reason: 'NoAddress', message });
      continue;
    }
    if (paths.sender.kind === 'vxlan') vnis.set(tapId, paths.sender.vni);
    const list = senders.get(node.name) ?? [];
    senders.set(node.name, list);
    list.push(
      senderEndpoint(
        {
          ...common,
          ...copyingOf(spec),
          mirrorInterface: nameInPod(tapId),
          pod: pod.name,
          namespace: pod.namespace,
        },
        {
          tapId,
          path: paths.sender,
          hostNetwork: false,
          podUid: pod.uid,
          externalPeer: 'address' in destination,
          destinationPod: paths.sender.kind === 'same-node' ? destinationPod : undefined,
          joined: paths.sender.kind === 'same-node' ? true : undefined,
        },
      ),
    );
    if (paths.receiver !== undefined)
      receivers.push(
        receiverEndpoint(
          { ...common, mirrorInterface: spec.mirrorInterface },
          { tapId, path: paths.receiver, destinationPod, joined: true },
        ),
      );
  }
  return { senders, receivers, failing, vnis };
}

/** The device in the target's network: two Taps of one pod are not in each other's way. */
function nameInPod(tapId: string): string {
  return `mirror-${tapId.slice(0, 8)}`;
}

function pathsOf(
  from: KnownNode,
  to: Destination,
  vniOf: () => number,
): { readonly sender: Path; readonly receiver: Path | undefined } | undefined {
  if ('node' in to && to.node.name === from.name) {
    const path = { kind: 'same-node' } as const;
    return { sender: path, receiver: path };
  }
  const addresses = addressesBetween(from, 'node' in to ? to.node : to.address);
  if (addresses === undefined) return undefined;
  const [local, remote] = [addresses.local.text, addresses.remote.text];
  const tunnel = { kind: 'vxlan', vni: vniOf(), port: NODE_VXLAN_PORT } as const;
  return {
    sender: { ...tunnel, local, remote },
    receiver: 'node' in to ? { ...tunnel, local: remote, remote: local } : undefined,
  };
}
