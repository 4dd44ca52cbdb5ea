import { readClassified, readClassifiers } from '#src/net/classifiers.ts';
import type { CountedLink } from '#src/net/linkMessages.ts';
import { listLinks } from '#src/net/links.ts';
import { Netns } from '#src/net/netns.ts';
import { openNamespaces } from '#src/net/nodeNamespaces.ts';
import { joinedId, macOf, parseAlias, tunnelMacOf, type TapId } from '#src/tap/ownership/mark.ts';
import type { Place } from '#src/agent/pod/place.ts';
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
  const others = new Elsewhere(namespaces);
  const visitOne = async (netns: Netns): Promise<T[]> => {
    const visited: T[] = [];
    // Something vanishes between two questions, as things do while a tap is made or removed: then it looks again.
    const ends = readEndpoints(netns, taps, others).catch(() =>
      readEndpoints(netns, taps, new Elsewhere(namespaces)),
    );
    for (const end of await ends) visited.push(await visit(end, netns));
    return visited;
  };
  return (await Promise.all(namespaces.map(visitOne))).flat();
}

async function readEndpoints(
  netns: Netns,
  taps: ReadonlySet<TapId> | undefined,
  others: Elsewhere,
): Promise<EndpointStatus[]> {
  const links = await listLinks(netns);
  const marked = markedIn(links, taps);
  if (marked.length === 0) return [];
  const asked = hasSender(marked) ? links : marked.map(({ link }) => link);
  const names = asked.map(({ name }) => name);
  const classifiers = await readClassifiers(netns, links, names);
  return Promise.all(
    marked.map(async ({ link, id }) => {
      const tunnel = link.kind === 'macvlan' ? await others.findTunnel(id) : undefined;
      const readHalf = () => others.readOtherHalf(id);
      return describeEndpoint(netns, id, { link, tunnel }, links, classifiers, readHalf);
    }),
  );
}

interface Marked {
  readonly link: CountedLink;
  readonly id: TapId;
}

/** The devices of endpoints: what these are joined into is none, and that in the node is a part of the one in the pod. */
function markedIn(links: readonly CountedLink[], taps: ReadonlySet<TapId> | undefined): Marked[] {
  return links.flatMap((link) => {
    const mark = parseAlias(link.alias);
    if (mark === undefined || mark.id === joinedId || link.mac === tunnelMacOf(mark.id)) return [];
    return taps?.has(mark.id) === false ? [] : [{ link, id: mark.id }];
  });
}

/** A sender's filters may be on any interface, a receiver's are on its device only: a node may have hundreds of others. */
function hasSender(marked: readonly Marked[]): boolean {
  return marked.some(({ link, id }) => link.mac !== macOf(id, 'receiver'));
}

/** Finds devices that belong to an endpoint in whichever of some namespaces they are. */
class Elsewhere {
  readonly #namespaces: readonly Netns[];
  readonly #links = new Map<Netns, Promise<readonly CountedLink[]>>();

  constructor(namespaces: readonly Netns[]) {
    this.#namespaces = namespaces;
  }

  /** The device in the node that a sender's mirror device gives its copies to. */
  async findTunnel(tap: TapId): Promise<FoundTunnel | undefined> {
    const found = await this.#find(tunnelMacOf(tap));
    if (found === undefined) return undefined;
    const { netns, link, links } = found;
    const { filters } = (await readClassifiers(netns, links, [link.name])).get(link.name) ?? { filters: [] };
    return { netns, link, filters: filters.map((filter) => ({ interface: link.name, filter })) };
  }

  /** What came to the receiver's half of a veth pair. */
  async readOtherHalf(tap: TapId): Promise<number | undefined> {
    const found = await this.#find(macOf(tap, 'receiver'));
    return found && readClassified(found.netns, found.link.name);
  }

  async #find(mac: string) {
    for (const netns of this.#namespaces) {
      const links = await this.#linksOf(netns);
      const link = links.find((each) => each.mac === mac);
      if (link !== undefined) return { netns, link, links };
    }
    return undefined;
  }

  /** Each is listed once. */
  #linksOf(netns: Netns): Promise<readonly CountedLink[]> {
    const listed = this.#links.get(netns) ?? listLinks(netns);
    this.#links.set(netns, listed);
    return listed;
  }
}
