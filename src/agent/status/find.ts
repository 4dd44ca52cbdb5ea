import { readClassified, readClassifier, readClassifiers } from '#src/net/classifiers.ts';
import { listLinks } from '#src/net/links.ts';
import { Netns } from '#src/net/netns.ts';
import { openNamespaces } from '#src/net/nodeNamespaces.ts';
import { joinedId, macOf, parseAlias, tunnelMacOf, type TapId } from '#src/tap/ownership/mark.ts';
import type { Link } from '#src/tap/state.ts';
import type { Place } from '#src/agent/pod/place.ts';
import { Slots } from '#src/agent/slots.ts';
import { describeEndpoint, type FoundTunnel } from './describe.ts';
import type { EndpointStatus } from './endpointStatus.ts';

/**
 * The endpoints of taps that an agent itself keeps, or that are beside its own: in the namespaces of its targets and in its
 * own. It searches no other namespace, so that a reading costs the same however many pods the node has.
 */
export function readNearStatus(near: Near): Promise<EndpointStatus[]> {
  return visitNear(near, async (endpoint) => endpoint);
}

/** The endpoints of an agent. */
export interface Near {
  /** Where they are; undefined: one is nowhere. */
  readonly places: readonly (Place | undefined)[];
  readonly taps: ReadonlySet<TapId>;
}

/** Does something for each endpoint that {@link readNearStatus} finds, in its network namespace. */
export async function visitNear<T>(
  { places, taps }: Near,
  visit: (endpoint: EndpointStatus, netns: Netns) => Promise<T>,
): Promise<T[]> {
  const own = new Netns('/proc/self/ns/net');
  const namespaces = new Map([[own.inode, own]]);
  try {
    const all = places.flatMap((place) => [place?.netns, place?.otherHalf]);
    for (const netns of all) {
      if (netns === undefined || namespaces.has(netns.inode)) continue;
      // Opened anew: the agent lets its descriptor go when the target gets another namespace.
      namespaces.set(netns.inode, new Netns(netns.path));
    }
    return await visitEndpointsIn([...namespaces.values()], taps, visit);
  } finally {
    for (const netns of namespaces.values()) netns.close();
  }
}

/**
 * Finds every tap's end on this node, from the kernel alone. A sender needs hostPID and SYS_PTRACE to see into pods;
 * a receiver sees the node's own namespace.
 *
 * @param tapId only this tap's
 */
export function readStatus(tapId: TapId | undefined): Promise<EndpointStatus[]> {
  return visitEndpoints(tapId, async (end) => end);
}

/** Does something for each end that {@link readStatus} finds, in its network namespace. */
export async function visitEndpoints<T>(
  tapId: TapId | undefined,
  visit: (end: EndpointStatus, netns: Netns) => Promise<T>,
): Promise<T[]> {
  const namespaces = new Map<number, Netns>();
  try {
    openNamespaces(namespaces);
    return await visitEndpointsIn(
      [...namespaces.values()],
      tapId === undefined ? undefined : new Set([tapId]),
      visit,
    );
  } finally {
    for (const netns of namespaces.values()) netns.close();
  }
}

async function visitEndpointsIn<T>(
  namespaces: readonly Netns[],
  taps: ReadonlySet<TapId> | undefined,
  visit: (end: EndpointStatus, netns: Netns) => Promise<T>,
): Promise<T[]> {
  const slots = new Slots(readAtOnce, slotMs);
  const visitOne = async (netns: Netns): Promise<T[]> => {
    // Something vanished between two commands, as things do while a tap is made or removed: look again.
    const read = () => readEndpoints(netns, taps, namespaces);
    const visited: T[] = [];
    for (const end of await read().catch(read)) visited.push(await visit(end, netns));
    return visited;
  };
  return (await Promise.all(namespaces.map((netns) => slots.run(() => visitOne(netns))))).flat();
}

/** More would only wait for the CPU. */
const readAtOnce = 4;
const slotMs = 2000;

async function readEndpoints(
  netns: Netns,
  taps: ReadonlySet<TapId> | undefined,
  namespaces: readonly Netns[],
): Promise<EndpointStatus[]> {
  const links = await listLinks(netns);
  const marked = links.flatMap((link) => {
    const mark = parseAlias(link.alias);
    // What endpoints are joined into is no endpoint, and the device in the node is a part of the one in the pod.
    if (mark === undefined || mark.id === joinedId || link.mac === tunnelMacOf(mark.id)) return [];
    return taps?.has(mark.id) === false ? [] : [{ link, id: mark.id }];
  });
  if (marked.length === 0) return [];
  const read = hasSender(marked) ? links : marked.map(({ link }) => link);
  const classifiers = await readClassifiers(
    netns,
    read.map(({ name }) => name),
  );
  return Promise.all(
    marked.map(async ({ link, id }) => {
      const tunnel = link.kind === 'macvlan' ? await findTunnel(id, namespaces) : undefined;
      const readHalf = () => readOtherHalf(id, namespaces);
      return describeEndpoint(netns, id, { link, tunnel }, links, classifiers, readHalf);
    }),
  );
}

/** The device in the node that a sender's mirror device gives its copies to, in whichever of these namespaces that is. */
async function findTunnel(tap: TapId, namespaces: readonly Netns[]): Promise<FoundTunnel | undefined> {
  for (const netns of namespaces) {
    const link = (await listLinks(netns)).find(({ mac }) => mac === tunnelMacOf(tap));
    if (link === undefined) continue;
    const { filters } = await readClassifier(netns, link.name);
    return { netns, link, filters: filters.map((filter) => ({ interface: link.name, filter })) };
  }
  return undefined;
}

/** A sender's filters may be on any interface, a receiver's are on its device only: a node may have hundreds of others. */
function hasSender(marked: readonly { readonly link: Link; readonly id: TapId }[]): boolean {
  return marked.some(({ link, id }) => link.mac !== macOf(id, 'receiver'));
}

/** What came to the receiver's half of a veth pair, in whichever of these namespaces that is. */
async function readOtherHalf(tap: TapId, namespaces: readonly Netns[]): Promise<number | undefined> {
  for (const netns of namespaces) {
    const links = await listLinks(netns);
    const half = links.find(({ mac }) => mac === macOf(tap, 'receiver'));
    if (half !== undefined) return readClassified(netns, half.name);
  }
  return undefined;
}
