import { readdirSync } from 'node:fs';
import { readProcFile } from '#src/net/processNetns.ts';
import { podFolderNames, podFolders } from '#src/tap/proc/cgroup.ts';

/** A process of the node that is in a pod. */
export interface PodProcess {
  readonly pid: number;
  /** Content of its /proc/PID/cgroup. */
  readonly cgroup: string;
}

/** By the folders of cgroups that may be a pod's. */
let index: ReadonlyMap<string, readonly PodProcess[]> = new Map();
let lookedAt = -Infinity;

/**
 * The processes that may be a pod's.
 *
 * @param freshMs an earlier look at /proc is good for so long: however many pods are looked for, there is one in that time
 */
export function processesOf(podUid: string, freshMs: number): readonly PodProcess[] {
  if (performance.now() - lookedAt >= freshMs) {
    index = readIndex();
    lookedAt = performance.now();
  }
  return [...podFolderNames(podUid)].flatMap((folder) => index.get(folder) ?? []);
}

function readIndex(): ReadonlyMap<string, readonly PodProcess[]> {
  const found = new Map<string, PodProcess[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    const cgroup = readProcFile(pid, 'cgroup') ?? '';
    for (const folder of new Set(podFolders(cgroup))) {
      const processes = found.get(folder);
      if (processes === undefined) found.set(folder, [{ pid, cgroup }]);
      else processes.push({ pid, cgroup });
    }
  }
  return found;
}
