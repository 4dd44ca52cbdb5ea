/**
 * Whether a process belongs to a pod, told from its /proc/PID/cgroup: one folder of a path there names the pod by its
 * UID, as the kubelet's cgroup manager writes it: `pod<uid>` (cgroupfs driver) or
 * `…pod<uid with _ for ->.slice` (systemd driver). Every container runtime puts its containers below that folder;
 * containerd with the cgroupfs driver under a kubelet with the systemd driver makes both one:
 * `….slice:cri-containerd:<id>`.
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
  const names = podFolderNames(podUid);
  for (const line of cgroup.split('\n')) {
    const folders = line.split('/').slice(1).map(withoutParentsAndContainer);
    for (const [at, folder] of folders.entries()) {
      if (names.has(folder)) return folders.length - 1 - at;
      if (anyPod.test(folder)) return undefined;
    }
  }
  return undefined;
}

/** The folders of a process that may be a pod's own: those of {@link podFolderNames}, whatever pod it is. */
export function podFolders(cgroup: string): readonly string[] {
  return cgroup
    .split('\n')
    .flatMap((line) => line.split('/').slice(1).map(withoutParentsAndContainer))
    .filter((folder) => folder.startsWith('pod'));
}

/** What a pod's own folder is called, by either cgroup driver. */
export function podFolderNames(podUid: string): ReadonlySet<string> {
  return new Set([`pod${podUid}`, `pod${podUid.replaceAll('-', '_')}.slice`]);
}

/**
 * Of a path's pods only the first counts. Below its own folder a container that may write cgroups (systemd, Docker, a
 * whole cluster in a pod) names folders as it likes, also after another pod; so whatever runs in a pod is that pod's.
 * An agent inside the inner cluster does not see the pod around it where a cgroup namespace cuts it off. Without one,
 * possible on cgroup v1, it finds no process, which is better than another pod's.
 */
const anyPod = /^pod[\da-f]{8}(?:[-_]?[\da-f]{4}){3}[-_]?[\da-f]{12}(?:\.slice)?$/;

/** `a-b-pod<uid>.slice:cri-containerd:<id>` → `pod<uid>.slice`: a slice's name begins with its parents'. */
export function withoutParentsAndContainer(folder: string): string {
  return folder.replace(/^(?:.*-)?(pod[^-:]*\.slice)(?::.*)?$/, '$1');
}
