import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { withoutParentsAndContainer } from '#src/tap/proc/cgroup.ts';
import { unlessEnded } from './processNetns.ts';

/** Where the node has its cgroups, seen through its first process: a container sees its own only. */
const ROOT = '/proc/1/root/sys/fs/cgroup';
/** A pod's is the third or, where the node is a container itself, a later one. */
const MAX_DEPTH = 5;

/**
 * The folders of all pods' cgroups by their names, without those of their parents ({@link podFolderNames}). The kubelet makes
 * one for every pod of the node and removes it with the pod, whether or not a process is in it.
 *
 * @param root see {@link cgroupsOfNode}
 */
export function findPodCgroups(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  collect(root, MAX_DEPTH, found);
  return found;
}

/** The folder of the node's cgroups: of v2, or of v1 one that kubelets use. Undefined where they cannot be seen. */
export function cgroupsOfNode(): string | undefined {
  if (existsSync(path.join(ROOT, 'cgroup.controllers'))) return ROOT;
  return ['pids', 'memory'].map((name) => path.join(ROOT, name)).find((folder) => existsSync(folder));
}

function collect(folder: string, depth: number, found: Map<string, string>): void {
  // A cgroup may go while it is looked at.
  const entries = unlessEnded(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const child = path.join(folder, entry.name);
    const name = withoutParentsAndContainer(entry.name);
    if (name.startsWith('pod') && !found.has(name)) found.set(name, child);
    else if (depth > 1) collect(child, depth - 1, found);
  }
}
