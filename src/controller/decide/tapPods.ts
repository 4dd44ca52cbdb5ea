import { FORM_ANNOTATION, type KnownNode, MANAGER, TAP_UID_LABEL } from '#src/controller/model.ts';
import { ENDPOINTS_ANNOTATION, listArgs } from '#src/pods/endpointAnnotation.ts';
import { annotations, labels } from '#src/pods/labels.ts';
import { listPod, tapObjectName } from '#src/pods/listPod.ts';
import { type PodSettings, podSpec } from '#src/pods/podSpec.ts';
import type { EndpointDocument } from '#src/spec/endpoint.ts';
import { hexDigest } from '#src/spec/tapId.ts';
import { type TapResource, tapResourceId } from '#src/spec/tapResource.ts';
import { VERSION } from '#src/version.ts';
import type { Destination, Endpoints } from './endpoints.ts';
import { appArmorOf } from './nodes.ts';

/** What all pods of taps are made with. */
export interface Settings extends Omit<PodSettings, 'durationSeconds'> {
  /** Of the pods. */
  readonly namespace: string;
  /** The pods go with this object, if it is known. */
  readonly owner: object | undefined;
}

/** A pod that there should be. */
export interface WantedPod {
  readonly name: string;
  readonly role: 'sender' | 'receiver';
  readonly node: string;
  readonly form: string;
  readonly endpoints: string;
  readonly isEmpty: boolean;
  readonly manifest: object;
}

/**
 * The pods that a Tap should have: a sender on each node of its targets, and a receiver on the node of its destination.
 *
 * @param secondsLeft until its duration is over, by which the pods end also without a controller
 */
export function wantedPods(
  tap: TapResource,
  { senders, receivers }: Pick<Endpoints, 'senders' | 'receivers'>,
  nodes: ReadonlyMap<string, KnownNode>,
  destination: Destination,
  settings: Settings,
  secondsLeft: number | undefined,
): WantedPod[] {
  const pod = (role: WantedPod['role'], name: string, endpoints: readonly EndpointDocument[]) => {
    const node = nodes.get(name);
    if (node === undefined) return [];
    return [wantedPod(tap, role, node, endpoints, destination, settings, secondsLeft)];
  };
  return [
    ...[...senders].flatMap(([name, endpoints]) => pod('sender', name, endpoints)),
    ...('node' in destination ? pod('receiver', destination.node.name, receivers) : []),
  ];
}

function wantedPod(
  { metadata, spec }: TapResource,
  role: WantedPod['role'],
  node: KnownNode,
  endpoints: readonly EndpointDocument[],
  destination: Destination,
  settings: Settings,
  secondsLeft: number | undefined,
): WantedPod {
  const input = {
    role,
    nodeName: node.name,
    appArmor: appArmorOf(node),
    entersPods: role === 'sender' || ('node' in destination && destination.pod !== undefined),
  };
  const { namespace, owner, image, imagePullSecret, requests, limits } = settings;
  const podSettings = { image, imagePullSecret, requests, limits };
  // What is left of the time changes with it, and does not make another pod of it.
  const podForm = { ...input, args: listArgs(role), readsList: true };
  const form = hexDigest(
    JSON.stringify([podSpec({ ...podSettings, durationSeconds: undefined }, podForm), spec.duration]),
    16,
  );
  const name = tapObjectName(metadata.name, metadata.uid, role, node.name);
  const manifest = listPod(
    { ...podSettings, durationSeconds: secondsLeft },
    {
      ...input,
      endpoints,
      metadata: {
        name,
        namespace,
        labels: {
          ...labels({ tapId: tapResourceId(metadata.uid), role, version: VERSION, vni: undefined }),
          'app.kubernetes.io/managed-by': MANAGER,
          [TAP_UID_LABEL]: metadata.uid,
        },
        annotations: {
          ...annotations([`tap/${metadata.namespace}/${metadata.name}`], {
            podIfname: spec.interfaces.join(','),
            destination: destinationIdentity(destination),
          }),
          [FORM_ANNOTATION]: form,
        },
        ...(owner === undefined ? {} : { ownerReferences: [owner] }),
      },
    },
  );
  const list = manifest.metadata.annotations[ENDPOINTS_ANNOTATION] ?? '';
  return { name, role, node: node.name, form, endpoints: list, isEmpty: endpoints.length === 0, manifest };
}

function destinationIdentity(destination: Destination) {
  if ('address' in destination) return { address: destination.address.text };
  const { node, pod } = destination;
  return pod === undefined ? { node: node.name } : { pod: pod.name, namespace: pod.namespace };
}
