import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { EndpointList } from '#src/spec/endpointList.ts';
import type { PodState } from '#src/agent/answers/podState.ts';
import { Alarm } from '#src/agent/alarm.ts';
import type { EndpointManager } from './manager.ts';

const NONE: EndpointList['endpoints'] = new Map();

/** Has the manager keep endpoints, but not while nobody wants the tap. */
export class Confirmation {
  readonly #manager: Pick<EndpointManager, 'apply'>;
  readonly #podState: Pick<PodState, 'setAbandoned'>;
  #endpoints = NONE;
  #isAbandoned = false;

  constructor(manager: Pick<EndpointManager, 'apply'>, podState: Pick<PodState, 'setAbandoned'>) {
    this.#manager = manager;
    this.#podState = podState;
  }

  /** Takes what there should be from now on. */
  apply(endpoints: EndpointList['endpoints']): void {
    this.#endpoints = endpoints;
    if (!this.#isAbandoned) this.#manager.apply(endpoints);
  }

  /**
   * Takes the endpoints away when the time that a file has is over, and brings them back when the tap is confirmed after all: when the
   * file is empty, or not there. Until then, or until the signal.
   */
  async follow(
    file: string,
    { checkMs, log, signal }: { checkMs: number; log: Logger; signal: AbortSignal },
  ): Promise<void> {
    const alarm = new Alarm(signal);
    const beginMs = performance.now();
    for (; !signal.aborted; await alarm.pause(checkMs)) {
      const seconds = secondsIn(file);
      if (seconds === undefined) break;
      if (this.#isAbandoned || performance.now() - beginMs < seconds * 1000) continue;
      const reason = `Whoever makes the tap has not confirmed it for ${seconds} s: it is taken away`;
      log.warn({ file }, reason);
      this.#isAbandoned = true;
      this.#podState.setAbandoned(reason);
      this.#manager.apply(NONE);
    }
    if (signal.aborted || !this.#isAbandoned) return;
    log.info({ file }, 'the tap is confirmed after all');
    this.#isAbandoned = false;
    this.#podState.setAbandoned(undefined);
    this.#manager.apply(this.#endpoints);
  }
}

/** Undefined: nothing is waited for. */
function secondsIn(file: string): number | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return /^\d+$/u.test(text) ? Number(text) : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
