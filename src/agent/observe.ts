import type { RunOptions } from '#src/exec/command.ts';
import { readClassifiers } from '#src/net/classifiers.ts';
import { isMerging, takesUnfinished } from '#src/net/features.ts';
import { listLinks } from '#src/net/links.ts';
import type { Netns } from '#src/net/netns.ts';
import type { Observed, Wanted } from '#src/tap/state.ts';
import { liveTaps } from './lock.ts';

/**
 * Reads from the kernel all that a plan for this end depends on, by two or three processes however many interfaces there
 * are. A sender looks at all of them: one that it copied from may have another name by now.
 *
 * @throws {CommandError}
 */
export async function observe(
  netns: Netns,
  { ifname, role, device, copies }: Wanted,
  options: RunOptions,
): Promise<Observed> {
  const found = await listLinks(netns, options);
  const live = liveTaps();
  const own = found.filter(({ name }) => name === ifname);
  const read = copies === undefined ? own : found;
  const names = read.map(({ name }) => name);
  const seen = names.length === 0 ? new Map() : await readClassifiers(netns, names, options);
  const merging = role === 'receiver' && own.length > 0 ? await isMerging(netns, ifname, options) : undefined;
  const isPair = role === 'sender' && device.kind === 'veth' && own.length > 0;
  const unfinished = isPair ? await takesUnfinished(netns, ifname, options) : undefined;
  // Interfaces of pods come and go while a node is read.
  const links = found.filter((link) => !read.includes(link) || seen.has(link.name));
  return { links, merging, unfinished, classifiers: Object.fromEntries(seen), liveTaps: live };
}
