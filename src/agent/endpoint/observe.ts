import { readClassifiers } from '#src/net/classifiers.ts';
import { isMerging, takesUnfinished } from '#src/net/features.ts';
import { listLinks } from '#src/net/links.ts';
import type { Netns } from '#src/net/netns.ts';
import { listTcx } from '#src/net/tcx.ts';
import type { Observed, Desired } from '#src/tap/state.ts';
import { withLiveJoined } from '#src/tap/plan/joined.ts';
import { targetLinks } from '#src/tap/targets.ts';
import { liveTaps } from './lock.ts';

/**
 * Reads from the kernel all that a plan for this end depends on, without starting a process. A
 * sender looks at all interfaces: one that it copied from may have another name by now.
 *
 * @throws {CommandError}
 */
export async function observe(netns: Netns, desired: Desired): Promise<Observed> {
  const { ifname, role, device, copies, joinedInto } = desired;
  const found = await listLinks(netns);
  const live = withLiveJoined(liveTaps(), found);
  const own = found.filter(({ name }) => name === ifname);
  const ends = found.filter(({ name }) => name === ifname || name === joinedInto);
  const read = copies === undefined ? ends : found;
  const names = read.map(({ name }) => name);
  const seen = names.length === 0 ? new Map() : await readClassifiers(netns, found, names);
  const merging = role === 'receiver' && own.length > 0 ? await isMerging(netns, ifname) : undefined;
  const isPair = role === 'sender' && device.kind === 'veth' && own.length > 0;
  const unfinished = isPair ? await takesUnfinished(netns, ifname) : undefined;
  const tcx = await listTargetTcx(netns, desired, { links: found, liveTaps: live });
  // Interfaces of pods come and go while a node is read.
  const links = found.filter((link) => !read.includes(link) || seen.has(link.name));
  return { links, merging, unfinished, tcx, classifiers: Object.fromEntries(seen), liveTaps: live };
}

/** Without eBPF there is nothing to go before them, so that they are not asked for. */
async function listTargetTcx(
  netns: Netns,
  { copies, object }: Desired,
  seen: Pick<Observed, 'links' | 'liveTaps'>,
): Promise<Observed['tcx']> {
  const targets = object === undefined ? [] : targetLinks(copies, seen);
  const names = targets.map(({ name }) => name);
  return names.length === 0 ? undefined : Object.fromEntries(await listTcx(netns, names));
}
