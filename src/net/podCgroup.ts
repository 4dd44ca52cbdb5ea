import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { isFolderOfPod } from '#src/tap/proc/cgroup.ts';
import { unlessEnded } from './processNetns.ts';

/** Where the node has its cgroups, seen through its first process: a container sees its own only. */
const ROOT = '/proc/1/root/sys/fs/cgroup';
/** A pod's is the third or, where the node is a container itself, a later one. */
const MAX_DEPTH = 5;

/**
 * The folder of a pod's cgroup, which the kubelet makes for every pod of the node and removes with it, whether or not a
 * process is in it. Undefined where there is none.
 *
 * @param root see {@link cgroupsOfNode}
 */
export function findPodCgroup(root: string, podUid: string): string | undefined {
  return find(root, podUid, MAX_DEPTH);
}

/** The folder of the node's cgroups: of v2, or of v1 one that kubelets use. Undefined where they cannot be seen. */
export function cgroupsOfNode(): string | undefined {
  if (existsSync(path.join(ROOT, 'cgroup.controllers'))) return ROOT;
  return ['pids', 'memory'].map((name) => path.join(ROOT, name)).find((folder) => existsSync(folder));
}

function find(folder: string, podUid: string, depth: number): string | undefined {
  // A cgroup may go while it is looked at.
  const names = unlessEnded(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  const folders = names.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const own = folders.find((name) => isFolderOfPod(name, podUid));
  if (own !== undefined) return path.join(folder, own);
  if (depth === 1) return undefined;
  for (const name of folders) {
    const found = find(path.join(folder, name), podUid, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
