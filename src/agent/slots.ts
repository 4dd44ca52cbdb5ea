import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Bounds how much work goes on at a time. Work that takes longer than a slot is held waits for something rather than for
 * the CPU, and holds up nobody: its slot is given to the next one while it goes on. (A library's queue would let a few
 * commands that hang hold up all others.)
 */
export class Slots {
  #free: number;
  readonly #heldMs: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number, heldMs: number) {
    this.#free = count;
    this.#heldMs = heldMs;
  }

  /** Does some work when there is a slot for it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resume) => this.#waiting.push(resume));
    else this.#free--;
    const done = new AbortController();
    void this.#giveBack(done.signal);
    try {
      return await work();
    } finally {
      done.abort();
    }
  }

  async #giveBack(done: AbortSignal): Promise<void> {
    // Rejected when the work is done before.
    await sleep(this.#heldMs, undefined, { signal: done }).catch(() => undefined);
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
