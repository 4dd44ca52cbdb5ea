import { UserError } from '#src/errors.ts';
import type { RunOptions } from '#src/exec/command.ts';
import { type ObjectFor, objectsOf } from '#src/net/objects.ts';
import { readPath, type UnderlayPath } from '#src/net/pathMtu.ts';
import type { TapPods, TargetPod } from '#src/pods/targetPod.ts';
import type {
  DestinationPod,
  EndpointDocument,
  ReceiverEndpoint,
  SenderEndpoint,
} from '#src/spec/endpoint.ts';
import { mayWrap } from '#src/tap/programs/nodeTraffic.ts';
import type { Vxlan, Desired } from '#src/tap/state.ts';
import { matchingProgram } from './matchingProgram.ts';
import { shared } from '#src/agent/answers/reading.ts';
import { type Bypass, bypassOf } from '#src/agent/bypass/bypass.ts';
import { copySettings, desiredReceiver, desiredSender } from './desired.ts';
import { ownPlace, podPlace, type Whereabouts } from '#src/agent/pod/place.ts';

/** One side of one target's copies: what it should be, and where. */
export interface Endpoint extends Whereabouts {
  readonly desired: Desired;
  /** A sender's eBPF object, which depends on the device's MTU on some kernels; `desired` names that of none. */
  readonly objectFor?: ObjectFor;
  /** The peer is kokotap's, and so says hello over a tunnel. Not so when it is outside the cluster. */
  readonly peerSaysHello: boolean;
  /** The largest packet in bytes that the underlay takes; not asked of an endpoint that sends nothing over one. */
  readonly pathMtuBytes?: () => Promise<number>;
  /** Copies of a pod may go through a device in the node; undefined: this endpoint never has one. */
  readonly bypass?: Bypass;
}

/**
 * The endpoint that a document describes.
 *
 * @param running of the compiler, whose work the end of the tap interrupts
 * @throws {UserError} when the filter is wrong.
 */
export async function makeEndpoint(document: EndpointDocument, running: RunOptions): Promise<Endpoint> {
  return document.kind === 'Sender' ? sender(document, running) : receiver(document);
}

/** The endpoint at the target: in a pod it moves with the pod's network namespace, at a node it is in the agent's own. */
async function sender(endpoint: SenderEndpoint, running: RunOptions): Promise<Endpoint> {
  const { podUid } = endpoint;
  const matching = await matchingProgram(endpoint, running);
  const objectFor = objectsOf(endpoint.tapId, copySettings(endpoint));
  const desired = desiredSender(endpoint, matching, objectFor(undefined).name);
  const { device } = desired;
  return {
    desired,
    objectFor,
    ...(device.kind === 'vxlan' ? { pathMtuBytes: pathMtu(device, podUid === undefined) } : {}),
    ...(device.kind === 'vxlan'
      ? { bypass: bypassOf(endpoint, { ...desired, device }, sharedPathReader(device.local, device.remote)) }
      : {}),
    peerSaysHello: !endpoint.externalPeer,
    ...senderPlace(endpoint),
  };
}

/** The endpoint at the destination: in a pod it moves with the pod's network namespace, at a node it is in the agent's own. */
function receiver(endpoint: ReceiverEndpoint): Endpoint {
  return { desired: desiredReceiver(endpoint), peerSaysHello: true, ...receiverPlace(endpoint) };
}

/** Where the target's endpoint is, and, if the sender makes it too, the one in a destination pod on the same node. */
function senderPlace(endpoint: SenderEndpoint): Whereabouts {
  const { podUid, pod, namespace, destinationPod } = endpoint;
  if (podUid === undefined) return ownPlace();
  const target = { uid: podUid, name: pod === undefined ? undefined : `${namespace}/${pod}` };
  return podPlace(tapOf(endpoint), target, destinationPod && named(destinationPod));
}

function receiverPlace(endpoint: ReceiverEndpoint): Whereabouts {
  const { destinationPod } = endpoint;
  return destinationPod === undefined ? ownPlace() : podPlace(tapOf(endpoint), named(destinationPod));
}

function tapOf(endpoint: EndpointDocument): TapPods {
  const { tapId: id, tapNamespace } = endpoint;
  return { id, namespace: tapNamespace ?? ('namespace' in endpoint ? endpoint.namespace : undefined) };
}

function named({ uid, name, namespace }: DestinationPod): TargetPod {
  return { uid, name: `${namespace}/${name}` };
}

/** The readers of paths: endpoints with the same path share what is read of it. */
const pathReaders = new Map<string, () => Promise<UnderlayPath>>();
/** Endpoints that look in the same moments have one reading. */
const pathFreshMs = 500;

function sharedPathReader(local: string, remote: string): () => Promise<UnderlayPath> {
  const key = `${local} ${remote}`;
  const reader = pathReaders.get(key) ?? shared(() => readPath(local, remote), pathFreshMs);
  pathReaders.set(key, reader);
  return reader;
}

/** @throws {UserError} when the copies of a node's packets would not be known again on their way. */
function pathMtu({ local, remote }: Vxlan, ofNode: boolean): () => Promise<number> {
  const read = sharedPathReader(local, remote);
  return async () => {
    const { mtuBytes, ifname, kind } = await read();
    if (ofNode && mayWrap(kind))
      throw new UserError(
        `The way to ${remote} goes by ${ifname}, of kind ${kind}, below which copies could not be told from other packets and would be copied again: tap a pod, or name another destination`,
      );
    return mtuBytes;
  };
}
