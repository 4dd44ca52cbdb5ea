import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { READY_FILE, RUN_FOLDER } from '#src/pods/runFolder.ts';
import type { EndpointState } from '#src/agent/endpoint/endpointState.ts';
import type { ReadyPort } from './readyPort.ts';

/** What the kubelet shows as the reason a container ended; there only in a pod. */
const terminationLog = '/dev/termination-log';

/**
 * Tells the kubelet of all endpoints together: the pod is Ready while each of them is, and its termination message has what
 * is failing.
 */
export class PodState {
  readonly #endpoints = new Map<string, EndpointState>();
  /** What is wrong with the list of endpoints. */
  #listTrouble: string | undefined;
  /** Why nobody wants the tap. */
  #abandoned: string | undefined;
  /** The list is not known yet, or the agent is about to end. */
  #isOpen = true;
  #isReady = false;
  #message = '';
  readonly #readyPort: ReadyPort | undefined;

  /** @param readyPort undefined: the kubelet looks for the file */
  constructor(readyPort: ReadyPort | undefined) {
    this.#readyPort = readyPort;
    rmSync(READY_FILE, { force: true });
  }

  /**
   * Takes note of an endpoint's state.
   *
   * @param told undefined: it is gone
   */
  set(key: string, told: EndpointState | undefined): void {
    if (told === undefined) this.#endpoints.delete(key);
    else this.#endpoints.set(key, told);
    this.#write();
  }

  /**
   * Takes note of a list of endpoints, whose states are known already: without one the pod is not Ready, nor with one that
   * is not as it should be.
   */
  setList(trouble: string | undefined): void {
    this.#isOpen = false;
    this.#listTrouble = trouble;
    this.#write();
  }

  /** Takes note of it that nobody wants the tap, so that there is nothing to be ready; undefined: it is wanted after all. */
  setAbandoned(reason: string | undefined): void {
    this.#abandoned = reason;
    this.#write();
  }

  /** The agent ends: nothing that is told from now on makes the pod Ready. */
  end(): void {
    this.#isOpen = true;
    this.#write();
  }

  #write(): void {
    const all = [...this.#endpoints];
    const isReady =
      !this.#isOpen &&
      this.#listTrouble === undefined &&
      this.#abandoned === undefined &&
      all.every(([, { state }]) => state === 'ready');
    if (isReady !== this.#isReady) {
      this.#isReady = isReady;
      if (isReady) {
        mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o700 });
        writeFileSync(READY_FILE, '');
        this.#readyPort?.open();
      } else {
        this.#readyPort?.close();
        rmSync(READY_FILE, { force: true });
      }
    }
    const failing = all.filter(([, { state }]) => state === 'failing');
    const message = [
      ...[this.#abandoned, this.#listTrouble].flatMap((each) => each ?? []),
      ...failing.map(([key, { reason }]) => (all.length === 1 ? reason : `${key}: ${reason}`)),
    ].join('; ');
    if (message === this.#message) return;
    this.#message = message;
    writeTerminationMessage(message);
  }
}

/** Leaves the last error for the pod's status when the container ends; the kubelet keeps 4096 bytes. */
export function writeTerminationMessage(message: string): void {
  if (!existsSync(terminationLog)) return; // not in a pod
  truncateSync(terminationLog);
  writeFileSync(terminationLog, Buffer.from(message).subarray(0, 4096), { flag: 'r+' });
}
