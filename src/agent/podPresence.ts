import { existsSync } from 'node:fs';
import { cgroupsOfNode, findPodCgroup } from '#src/net/podCgroup.ts';

/** Between two searches of all cgroups of the node. */
const searchMs = 5000;

/** Whether the kubelet of this node has a pod, which may have no process at the moment. */
export class PodPresence {
  readonly #podUid: string;
  #folder: string | undefined;
  #isHere = true;
  #searchAt = 0;

  constructor(podUid: string) {
    this.#podUid = podUid;
  }

  /** False only where that is sure. Cheap enough for every second. */
  isHere(): boolean {
    if (this.#folder !== undefined && existsSync(this.#folder)) return true;
    if (performance.now() >= this.#searchAt) {
      this.#searchAt = performance.now() + searchMs;
      const root = cgroupsOfNode();
      this.#folder = root === undefined ? undefined : findPodCgroup(root, this.#podUid);
      this.#isHere = root === undefined || this.#folder !== undefined;
    }
    return this.#isHere;
  }
}
