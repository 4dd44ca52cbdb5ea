/** Waiting that a ring, or the end of the tap, cuts short. It is done every second, so it takes one timer and no signal of its own. */
export class Alarm {
  readonly #end: AbortSignal;
  #isRung = false;
  /** Of the wait that goes on. */
  #wake: ((byRing: boolean) => void) | undefined;

  constructor(end: AbortSignal) {
    this.#end = end;
    end.addEventListener('abort', () => this.#wake?.(false), { once: true });
  }

  ring(): void {
    this.#isRung = true;
    this.#wake?.(true);
  }

  /** Waits until the time is over or it has rung, also since the last wait. Whether it has rung. */
  async wait(timeoutMs: number): Promise<boolean> {
    if (!this.#isRung) await this.#sleep(timeoutMs, true);
    const wasRung = this.#isRung;
    this.#isRung = false;
    return wasRung;
  }

  /** Waits the whole time, unless the tap ends. */
  async pause(timeoutMs: number): Promise<void> {
    await this.#sleep(timeoutMs, false);
  }

  #sleep(timeoutMs: number, isRingable: boolean): Promise<void> {
    if (this.#end.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      this.#wake = (byRing) => {
        if (isRingable || !byRing) finish();
      };
    });
  }
}
