import { UserError } from '#src/errors.ts';
import type { RunOptions } from '#src/exec/command.ts';
import { type ObjectFor, objectsOf } from '#src/net/objects.ts';
import { pathReader, type UnderlayPath } from '#src/net/pathMtu.ts';
import { Netns } from '#src/net/netns.ts';
import { readProcFile } from '#src/net/processNetns.ts';
import type { EndpointDocument, ReceiverEndpoint, SenderEndpoint } from '#src/spec/endpoint.ts';
import { mayWrap } from '#src/tap/programs/nodeTraffic.ts';
import type { Vxlan, Desired } from '#src/tap/state.ts';
import { awaitedPod } from '#src/pods/targetPod.ts';
import { matchingProgram } from './matching.ts';
import { PodPresence } from './podPresence.ts';
import { findTarget, isCurrent, type Target } from './podNetns.ts';
import { shared } from './reading.ts';
import { copySettings, desiredReceiver, desiredSender } from './desired.ts';

/** The network namespace that an endpoint is in. */
export interface Place {
  readonly netns: Netns;
  /** Content of its /proc/net/dev. */
  netDev(): string;
}

/** One side of one target's copies: what it should be, and where. */
export interface Endpoint {
  readonly desired: Desired;
  /** A sender's eBPF object, which depends on the device's MTU on some kernels; `desired` names that of none. */
  readonly objectFor?: ObjectFor;
  /** The peer is kokotap's, and so says hello over a tunnel. Not so when it is outside the cluster. */
  readonly peerSaysHello: boolean;
  /** Where the endpoint has to be now; the same object as long as that is the same namespace. Called every second. */
  place(): Place | undefined;
  /** The largest packet in bytes that the underlay takes; not asked of an endpoint that sends nothing over one. */
  readonly pathMtuBytes?: () => Promise<number>;
  /** What {@link place} waits for when there is none. */
  readonly awaited: () => string;
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
    peerSaysHello: !endpoint.externalPeer,
    ...(podUid === undefined ? ownPlace() : podPlace(podUid, endpoint)),
  };
}

/** The endpoint on the destination node, in the namespace that the agent itself is in. */
function receiver(endpoint: ReceiverEndpoint): Endpoint {
  return { desired: desiredReceiver(endpoint), peerSaysHello: true, ...ownPlace() };
}

type Whereabouts = Pick<Endpoint, 'place' | 'awaited'>;

function ownPlace(): Whereabouts {
  let place: Place | undefined;
  return {
    awaited: () => 'nothing',
    place: () =>
      (place ??= {
        netns: new Netns('/proc/self/ns/net'),
        netDev: () => readProcFile('self', 'net/dev') ?? '',
      }),
  };
}

/** How old a look at /proc may be where a pod is waited for, which is tried every second, and where it has just gone. */
const waitingMs = 900;
const lostMs = 100;

function podPlace(podUid: string, endpoint: SenderEndpoint): Whereabouts {
  const { tapId, pod: name, namespace, tapNamespace } = endpoint;
  const pod = { uid: podUid, name: name === undefined ? undefined : `${namespace}/${name}` };
  const tap = { id: tapId, namespace: tapNamespace ?? namespace };
  const presence = new PodPresence(podUid);
  let target: Target | undefined;
  let place: Place | undefined;
  return {
    awaited: () => awaitedPod(pod, tap, presence.isHere()),
    place() {
      if (target !== undefined && isCurrent(target, podUid)) return place;
      const found = findTarget(podUid, target === undefined ? waitingMs : lostMs);
      if (found !== undefined && target?.netns.inode === found.netns.inode) {
        found.netns.close();
        target = { netns: target.netns, pid: found.pid };
        return place;
      }
      target = found;
      place = found && {
        netns: found.netns,
        netDev: () => readProcFile(target?.pid ?? found.pid, 'net/dev') ?? '',
      };
      return place;
    },
  };
}

/** The readers of paths: endpoints with the same path share what is read of it. */
const pathReaders = new Map<string, () => Promise<UnderlayPath>>();
/** Endpoints that look in the same moments have one reading. */
const pathFreshMs = 500;

function sharedPathReader(local: string, remote: string): () => Promise<UnderlayPath> {
  const key = `${local} ${remote}`;
  const reader = pathReaders.get(key) ?? shared(pathReader(local, remote), pathFreshMs);
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
