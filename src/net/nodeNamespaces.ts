import { readdirSync } from 'node:fs';
import { Netns } from './netns.ts';

/** Opens each network namespace that a process is in, once; held, so that no recycled PID can stand for another. */
export function openNamespaces(found: Map<number, Netns>): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const netns = Netns.ofProcess(Number(pid));
    if (netns === undefined) continue;
    if (found.has(netns.inode)) netns.close();
    else found.set(netns.inode, netns);
  }
}
