import { createHash } from 'node:crypto';
import { FORM_ANNOTATION, type KnownNode, MANAGER, TAP_UID_LABEL } from '#src/controller/model.ts';
import { ENDPOINTS_ANNOTATION, listArgs } from '#src/pods/endpointAnnotation.ts';
import { annotations as tapAnnotations, labels } from '#src/pods/labels.ts';
import { podAnnotations, type PodSettings, podSpec } from '#src/pods/podSpec.ts';
import type { EndpointDocument } from '#src/spec/endpoint.ts';
import { endpointListText } from '#src/spec/endpointList.ts';
import type { TapResource } from '#src/spec/tapResource.ts';
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

const NAME_CHARACTERS = 40;

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
    args: listArgs(role),
    appArmor: appArmorOf(node),
    entersPods: role === 'sender' || ('node' in destination && destination.pod !== undefined),
    readsList: true,
  };
  const { namespace, owner, image, imagePullSecret, requests, limits } = settings;
  const podSettings = { image, imagePullSecret, requests, limits };
  // What is left of the time changes with it, and does not make another pod of it.
  const form = digest(
    JSON.stringify([podSpec({ ...podSettings, durationSeconds: undefined }, input), spec.duration]),
  );
  const name = objectName(metadata, role, node.name);
  const list = endpointListText(endpoints.toSorted((a, b) => (a.tapId < b.tapId ? -1 : 1)));
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        ...labels({ tapId: digest(metadata.uid).slice(0, 12), role, version: VERSION, vni: undefined }),
        'app.kubernetes.io/managed-by': MANAGER,
        [TAP_UID_LABEL]: metadata.uid,
      },
      annotations: {
        ...tapAnnotations({
          targetNamespace: metadata.namespace,
          pod: `tap/${metadata.name}`,
          podIfname: spec.interfaces.join(','),
          destination: destinationIdentity(destination),
          ifname: spec.mirrorInterface,
          tapNamespace: namespace,
        }),
        ...podAnnotations(input),
        [FORM_ANNOTATION]: form,
        [ENDPOINTS_ANNOTATION]: list,
      },
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec: podSpec({ ...podSettings, durationSeconds: secondsLeft }, input),
  };
  return { name, role, node: node.name, form, endpoints: list, isEmpty: endpoints.length === 0, manifest };
}

function destinationIdentity(destination: Destination) {
  if ('address' in destination) return { address: destination.address.text };
  const { node, pod } = destination;
  return pod === undefined ? { node: node.name } : { pod: pod.name, namespace: pod.namespace };
}

/** The same object of the same Tap has the same name, so that two controllers could not make it twice. */
export function objectName({ name, uid }: TapResource['metadata'], kind: string, node = ''): string {
  const readable = name
    .replaceAll(/[^a-z0-9]+/gu, '-')
    .slice(0, NAME_CHARACTERS)
    .replace(/-$/u, '');
  return `kokotap-${readable}-${digest(`${uid}/${kind}/${node}`).slice(0, 8)}-${kind}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
