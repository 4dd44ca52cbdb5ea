import { readFileSync } from 'node:fs';
import { readClassifier } from '#src/net/classifiers.ts';
import { listLinks } from '#src/net/links.ts';
import type { Netns } from '#src/net/netns.ts';
import type { Observed, Wanted } from '#src/tap/state.ts';
import { liveTaps } from './lock.ts';

/** Reads from the kernel all that a plan for this end depends on. */
export async function observe(netns: Netns, { ifname, copies }: Wanted): Promise<Observed> {
  const links = await listLinks(netns);
  const present = [ifname, ...(copies === undefined ? [] : [copies.from])].filter((name) =>
    links.some((link) => link.name === name),
  );
  const classifiers = await Promise.all(
    present.map(async (name) => [name, await readClassifier(netns, name)] as const),
  );
  return {
    links,
    classifiers: Object.fromEntries(classifiers),
    liveTaps: liveTaps(readFileSync('/proc/self/net/unix', 'utf8')),
  };
}
