import { Netns } from '#src/net/netns.ts';
import { readProcFile } from '#src/net/processNetns.ts';
import { awaitedPod, type TapPods, type TargetPod } from '#src/pods/targetPod.ts';
import { findTarget, type FoundBy, isCurrent } from './podNetns.ts';
import { PodPresence } from './podPresence.ts';

/** The network namespace that an end of the tap is in. */
export interface Place {
  readonly netns: Netns;
  /** That of the other half of its veth pair, where it is another than the agent's own. */
  readonly otherHalf: Netns | undefined;
  /** Content of its /proc/net/dev. */
  netDev(): string;
}

/** Where an end is, as that changes. */
export interface Whereabouts {
  /** Where the end has to be now; the same object as long as that is the same namespace. Called every second. */
  place(): Place | undefined;
  /** What {@link place} waits for when there is none. */
  readonly awaited: () => string;
}

/** The agent's own network namespace. */
export function ownPlace(): Whereabouts {
  let place: Place | undefined;
  return {
    awaited: () => 'nothing',
    place: () =>
      (place ??= {
        netns: new Netns('/proc/self/ns/net'),
        otherHalf: undefined,
        netDev: readOwnNetDev,
      }),
  };
}

/** Endpoints that look in the same moment share a reading: each of a hundred would read of a hundred devices. */
const netDevFreshMs = 20;
let ownNetDev = { content: '', readAt: -Infinity };

function readOwnNetDev(): string {
  const now = performance.now();
  if (now - ownNetDev.readAt >= netDevFreshMs)
    ownNetDev = { content: readProcFile('self', 'net/dev') ?? '', readAt: now };
  return ownNetDev.content;
}

/** How old a look at /proc may be where a pod is waited for, which is tried every second, and where it has just gone. */
const waitingMs = 900;
const lostMs = 100;

/**
 * The network namespace of a pod, and that of another one, as they come and go.
 *
 * @param other the pod that has the other half of the end's veth pair; undefined: the node has it, or there is none
 */
export function podPlace(tap: TapPods, pod: TargetPod, other?: TargetPod): Whereabouts {
  const pods = [new SoughtPod(pod), ...(other === undefined ? [] : [new SoughtPod(other)])] as const;
  const [own, half] = pods;
  let place: Place | undefined;
  return {
    awaited: () => pods.find((each) => !each.isThere)?.awaited(tap) ?? 'nothing',
    place() {
      if (place !== undefined && pods.every((each) => each.isCurrent())) return place;
      const [netns, otherHalf] = [own.find(), half?.find()];
      const isWhole = netns !== undefined && (half === undefined || otherHalf !== undefined);
      const isSame = netns?.inode === place?.netns.inode && otherHalf?.inode === place?.otherHalf?.inode;
      if (isWhole && !isSame) {
        place = { netns, otherHalf, netDev: () => own.netDev() };
      } else {
        // Whoever holds the place closes it; what was opened beside it is of no use.
        netns?.close();
        otherHalf?.close();
        if (!isWhole) place = undefined;
      }
      return place;
    },
  };
}

/** Lets go of the network namespaces of a place that the end has left. */
export function closePlace({ netns, otherHalf }: Place): void {
  netns.close();
  otherHalf?.close();
}

/** A pod whose network namespace is looked for, and the process by which it was found. */
class SoughtPod {
  readonly #pod: TargetPod;
  readonly #presence: PodPresence;
  #found: FoundBy | undefined;

  constructor(pod: TargetPod) {
    this.#pod = pod;
    this.#presence = new PodPresence(pod.uid);
  }

  get isThere(): boolean {
    return this.#found !== undefined;
  }

  /** Whether the process is the pod's still, and in the namespace, which has to be held for that. */
  isCurrent(): boolean {
    return this.#found !== undefined && isCurrent(this.#found, this.#pod.uid);
  }

  /** Searches all processes of the node. */
  find(): Netns | undefined {
    const target = findTarget(this.#pod.uid, this.#found === undefined ? waitingMs : lostMs);
    this.#found = target && { netns: { inode: target.netns.inode }, pid: target.pid };
    return target?.netns;
  }

  netDev(): string {
    return this.#found === undefined ? '' : (readProcFile(this.#found.pid, 'net/dev') ?? '');
  }

  awaited(tap: TapPods): string {
    return awaitedPod(this.#pod, tap, this.#presence.isHere());
  }
}
