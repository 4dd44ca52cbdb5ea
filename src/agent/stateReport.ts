import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { READY_FILE, RUN_FOLDER } from '#src/pods/runFolder.ts';

/** What the kubelet shows as the reason a container ended; there only in a pod. */
const terminationLog = '/dev/termination-log';

/** Where an end of the tap stands. Only `ready` makes the pod ready. */
export type State =
  /** Something that is not the agent's to make is not there: the target, its interface, the other agent's lock. */
  | 'waiting'
  /** A step failed, or something foreign is in the way; tried again. */
  | 'failing'
  /** In place, but the other end has not shown itself, or copies do not get to it. */
  | 'alone'
  /** In place, and so is the other end, but the tap does not see what the target interface carries. */
  | 'blind'
  | 'ready'
  | 'stopped';

const levels: Partial<Record<State, 'error' | 'warn'>> = { failing: 'error', blind: 'warn' };

/** Tells a tap's state to people (log), the kubelet (readiness) and whoever describes the ended pod. */
export class Report {
  readonly #log: Logger;
  #told = '';
  #state: State | undefined;

  constructor(log: Logger) {
    this.#log = log;
    rmSync(READY_FILE, { force: true });
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /**
   * Tells the state; the same state with the same reason is told once.
   *
   * @param warning what people should know though the state is good
   */
  tell(state: State, cause: string, warning?: string): void {
    const reason = warning === undefined ? cause : `${cause}; but ${warning}`;
    const told = `${state}: ${reason}`;
    if (told === this.#told) return;
    this.#told = told;
    this.#state = state;
    if (state === 'ready') {
      mkdirSync(RUN_FOLDER, { recursive: true });
      writeFileSync(READY_FILE, '');
    } else {
      rmSync(READY_FILE, { force: true });
    }
    writeTerminationMessage(state === 'failing' ? reason : '');
    this.#log[levels[state] ?? (warning === undefined ? 'info' : 'warn')]({ state }, reason);
  }
}

/** Leaves the last error for the pod's status when the container ends; the kubelet keeps 4096 bytes. */
export function writeTerminationMessage(message: string): void {
  if (!existsSync(terminationLog)) return; // not in a pod
  truncateSync(terminationLog);
  writeFileSync(terminationLog, Buffer.from(message).subarray(0, 4096), { flag: 'r+' });
}
