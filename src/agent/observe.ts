import { readFileSync } from 'node:fs';
import { readClassifier } from '#src/net/classifiers.ts';
import { isMerging } from '#src/net/features.ts';
import { listLinks } from '#src/net/links.ts';
import type { Netns } from '#src/net/netns.ts';
import type { Classifier, Link, Observed, Wanted } from '#src/tap/state.ts';
import { targetLinks } from '#src/tap/targets.ts';
import { liveTaps } from './lock.ts';

/** Reads from the kernel all that a plan for this end depends on. */
export async function observe(netns: Netns, { ifname, role, copies }: Wanted): Promise<Observed> {
  const links = await listLinks(netns);
  const live = liveTaps(readFileSync('/proc/self/net/unix', 'utf8'));
  const own = links.filter(({ name }) => name === ifname);
  const targets = targetLinks(copies, { links, liveTaps: live });
  const classifiers: Record<string, Classifier> = {};
  const gone = new Set<string>();
  // One after the other: a node has hundreds of interfaces.
  for (const link of new Set<Link>([...own, ...targets])) {
    try {
      classifiers[link.name] = await readClassifier(netns, link.name);
    } catch (error) {
      if (await isThere(netns, link)) throw error;
      gone.add(link.name);
    }
  }
  const merging = role === 'receiver' && own.length > 0 ? await isMerging(netns, ifname) : undefined;
  return { links: links.filter(({ name }) => !gone.has(name)), merging, classifiers, liveTaps: live };
}

/** Whether a link still is there, and not another of its name: those of pods come and go while a node is read. */
export async function isThere(netns: Netns, { name, mac }: Link): Promise<boolean> {
  return (await listLinks(netns)).some((link) => link.name === name && link.mac === mac);
}
