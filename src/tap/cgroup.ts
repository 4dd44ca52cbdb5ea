/**
 * Whether a process belongs to a pod, told from its /proc/PID/cgroup: one folder of a path there names the pod by its
 * UID, as the kubelet's cgroup manager writes it: `pod<uid>` (cgroupfs driver) or
 * `…pod<uid with _ for ->.slice` (systemd driver). Every container runtime puts its containers below that folder.
 *
 * @param cgroup content of /proc/PID/cgroup
 * @param podUid metadata.uid; for a static pod its annotation kubernetes.io/config.hash
 */
export function belongsToPod(cgroup: string, podUid: string): boolean {
  return podDepth(cgroup, podUid) !== undefined;
}

/**
 * How many folders below the pod's own a process is, or undefined outside the pod. A container's first process has
 * the least; what a container starts in cgroups (and often network namespaces) of its own has more.
 */
export function podDepth(cgroup: string, podUid: string): number | undefined {
  const slice = `pod${podUid.replaceAll('-', '_')}.slice`;
  for (const line of cgroup.split('\n')) {
    const folders = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1).split('/');
    const at = folders.findIndex(
      (folder) => folder === `pod${podUid}` || folder === slice || folder.endsWith(`-${slice}`),
    );
    if (at >= 0) return folders.length - 1 - at;
  }
  return undefined;
}
