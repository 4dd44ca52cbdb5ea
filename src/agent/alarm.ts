import { setTimeout as sleep } from 'node:timers/promises';

/** Waiting that a ring, or the end of the tap, cuts short. */
export class Alarm {
  readonly #end: AbortSignal;
  #ring = new AbortController();

  constructor(end: AbortSignal) {
    this.#end = end;
  }

  ring(): void {
    this.#ring.abort();
  }

  /** Waits until the time is over or it has rung, also since the last wait. */
  async wait(timeoutMs: number): Promise<void> {
    await pause(timeoutMs, AbortSignal.any([this.#ring.signal, this.#end]));
    this.#ring = new AbortController();
  }

  /** Waits the whole time, unless the tap ends. */
  async pause(timeoutMs: number): Promise<void> {
    await pause(timeoutMs, this.#end);
  }
}

async function pause(timeoutMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(timeoutMs, undefined, { signal });
  } catch {
    // Cut short: that is what the signal is for.
  }
}
