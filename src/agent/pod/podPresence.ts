import { existsSync } from 'node:fs';
import { cgroupsOfNode, findPodCgroups } from '#src/net/podCgroup.ts';
import { podFolderNames } from '#src/tap/proc/cgroup.ts';

/** Between two searches of all cgroups of the node, whichever pods they are for. */
const searchMs = 5000;

/** The folders that may be pods', by their names; undefined where the node's cgroups cannot be seen. */
let folders: ReadonlyMap<string, string> | undefined;
let searchedAt = -Infinity;

/** Whether the kubelet of this node has a pod, which may have no process at the moment. */
export class PodPresence {
  readonly #podUid: string;
  #folder: string | undefined;

  constructor(podUid: string) {
    this.#podUid = podUid;
  }

  /** False only where that is sure. Cheap enough for every second. */
  isHere(): boolean {
    if (this.#folder !== undefined && existsSync(this.#folder)) return true;
    if (performance.now() - searchedAt >= searchMs) {
      searchedAt = performance.now();
      const root = cgroupsOfNode();
      folders = root === undefined ? undefined : findPodCgroups(root);
    }
    if (folders === undefined) return true;
    for (const name of podFolderNames(this.#podUid)) this.#folder = folders.get(name) ?? this.#folder;
    return this.#folder !== undefined && existsSync(this.#folder);
  }
}
