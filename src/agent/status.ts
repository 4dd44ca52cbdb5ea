import { readdirSync } from 'node:fs';
import { CommandError } from '#src/exec/command.ts';
import { type CountedFilter, readClassifier } from '#src/net/classifiers.ts';
import { type LinkCounters, listLinks } from '#src/net/links.ts';
import { Netns } from '#src/net/netns.ts';
import { isHandleOf, macOf, parseAlias, programPreference, type Role, type TapId } from '#src/tap/mark.ts';
import type { Hook, Link, Vxlan } from '#src/tap/state.ts';

/** One end of a tap as the kernel has it. */
export interface EndStatus {
  readonly tap: TapId;
  readonly role: Role;
  /** Inode number of the network namespace. */
  readonly netns: number;
  readonly device: Pick<Link, 'name' | 'kind' | 'up' | 'mtuBytes'> & Partial<Vxlan>;
  readonly filters: readonly { readonly interface: string; readonly hook: Hook; readonly does: string }[];
  /**
   * Sender: what was copied off the target interface, by direction. The kernel counts bytes at ingress without the
   * Ethernet header and at egress with it.
   */
  readonly copied: Partial<Record<Hook, { readonly packets: number; readonly bytes: number }>>;
  /** Packets that came in through the device: at the receiver the copies, at the sender what was turned away. */
  readonly received: { readonly packets: number; readonly bytes: number };
  /** Packets that the device refused, either way. */
  readonly dropped: { readonly packets: number };
}

/**
 * Finds every tap's end on this node, from the kernel alone. A sender needs hostPID and SYS_PTRACE to see into pods;
 * a receiver sees the node's own namespace.
 *
 * @param tapId only this tap's
 */
export async function readStatus(tapId: TapId | undefined): Promise<EndStatus[]> {
  const all: EndStatus[] = [];
  for (const netns of openNamespaces()) {
    try {
      all.push(...(await readEnds(netns)));
    } catch (error) {
      // A link vanished between two commands: its namespace is on its way out. Everything else is told.
      if (!(error instanceof CommandError)) throw error;
    } finally {
      netns.close();
    }
  }
  return all.filter(({ tap }) => tapId === undefined || tap === tapId);
}

/** Each network namespace that a process is in, once; held, so that no recycled PID can stand for another. */
function openNamespaces(): Netns[] {
  const found = new Map<number, Netns>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const netns = Netns.ofProcess(Number(pid));
    if (netns === undefined) continue;
    if (found.has(netns.inode)) netns.close();
    else found.set(netns.inode, netns);
  }
  return [...found.values()];
}

async function readEnds(netns: Netns): Promise<EndStatus[]> {
  const links = await listLinks(netns);
  const marked = links.flatMap((link) => {
    const mark = parseAlias(link.alias);
    return mark === undefined ? [] : [{ link, id: mark.id }];
  });
  if (marked.length === 0) return [];
  const filters: { name: string; filter: CountedFilter }[] = [];
  for (const { name } of links) {
    const classifier = await readClassifier(netns, name);
    filters.push(...classifier.filters.map((filter) => ({ name, filter })));
  }
  return marked.map(({ link, id }) =>
    describeEnd(
      id,
      netns.inode,
      link,
      filters.filter(({ filter }) => isHandleOf(id, filter.handle)),
    ),
  );
}

function describeEnd(
  tap: TapId,
  netns: number,
  { name, kind, up, mtuBytes, vxlan, mac, counters }: Link & { readonly counters: LinkCounters },
  filters: readonly { readonly name: string; readonly filter: CountedFilter }[],
): EndStatus {
  const copying = filters.filter(({ filter }) => typeof filter.action === 'object');
  const { received, sent } = counters;
  return {
    tap,
    role: mac === macOf(tap, 'receiver') ? 'receiver' : 'sender',
    netns,
    device: { name, kind, up, mtuBytes, ...vxlan },
    filters: filters.map((found) => ({
      interface: found.name,
      hook: found.filter.hook,
      does: whatItDoes(found.filter),
    })),
    copied: Object.fromEntries(
      copying.map(({ filter: { hook, packets, bytes } }) => [hook, { packets, bytes }] as const),
    ),
    received: { packets: received.packets, bytes: received.bytes },
    dropped: { packets: received.dropped + sent.dropped },
  };
}

function whatItDoes({ action, preference }: CountedFilter): string {
  if (typeof action === 'object') return `copy to ${action.copyTo}`;
  return preference === programPreference ? 'make copies fit' : 'drop';
}
