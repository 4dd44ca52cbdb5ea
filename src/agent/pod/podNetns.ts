import { Netns } from '#src/net/netns.ts';
import { netnsOf, readProcFile } from '#src/net/processNetns.ts';
import { belongsToPod, podDepth } from '#src/tap/proc/cgroup.ts';
import { processesOf } from './podIndex.ts';

/** The network namespace of the target pod, and one of the pod's processes in it. */
export interface Target {
  readonly netns: Netns;
  readonly pid: number;
}

/** What tells whether a pod still is where it was found. */
export interface FoundBy {
  readonly netns: Pick<Netns, 'inode'>;
  readonly pid: number;
  /** Of the process, as it was when it was last looked at: while it is the same, so is the pod. */
  cgroup?: string;
}

/**
 * Finds the pod's network namespace through its processes; undefined while it has none. Of several namespaces (a
 * container may make its own) it is that of the process nearest to the pod's cgroup, and of these the first started.
 * Processes in the node's own namespace do not count: CRI-O's conmon is in the pod's cgroup, but not in its network.
 *
 * @param podUid see {@link belongsToPod}
 * @param freshMs see {@link processesOf}
 */
export function findTarget(podUid: string, freshMs = 0): Target | undefined {
  // A capture's pod has a network of its own; the first process of the node is in the node's.
  const nodes = new Set([netnsOf('self'), netnsOf(1)]);
  const candidates = processesOf(podUid, freshMs).flatMap(({ pid, cgroup }) => {
    const depth = podDepth(cgroup, podUid);
    const found = depth === undefined ? undefined : netnsOf(pid);
    return depth === undefined || found === undefined || nodes.has(found)
      ? []
      : [{ pid, depth, started: startTime(pid) }];
  });
  candidates.sort((a, b) => a.depth - b.depth || a.started - b.started || a.pid - b.pid);
  for (const { pid } of candidates) {
    const target = open(pid, podUid);
    if (target !== undefined) return target;
  }
  return undefined;
}

/** Whether the process still is the pod's and still in the namespace. Two small reads: cheap enough for every second. */
export function isCurrent(found: FoundBy, podUid: string): boolean {
  if (netnsOf(found.pid) !== `net:[${found.netns.inode}]`) return false;
  const cgroup = readProcFile(found.pid, 'cgroup') ?? '';
  if (cgroup === found.cgroup) return true;
  const isPods = belongsToPod(cgroup, podUid);
  if (isPods) found.cgroup = cgroup;
  return isPods;
}

/** Opens the namespace, then looks again: the PID may have become another pod's in between. */
function open(pid: number, podUid: string): Target | undefined {
  const netns = Netns.ofProcess(pid);
  if (netns === undefined) return undefined;
  const target = { netns, pid };
  if (isCurrent(target, podUid)) return target;
  netns.close();
  return undefined;
}

/** Clock ticks from boot to the start of a process: field 22 of its stat, counted behind the name in parentheses. */
function startTime(pid: number): number {
  const stat = readProcFile(pid, 'stat') ?? '';
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? Infinity);
}
