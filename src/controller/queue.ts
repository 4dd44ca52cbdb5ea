/** Keys that wait for work: each once, one at a time, after a failure later and later. */
export class Queue {
  readonly #work: (key: string) => Promise<void>;
  readonly #onFailure: (key: string, error: unknown, delayMs: number) => void;
  readonly #mostAtOnce: number;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly atMs: number }>();
  #isOpen = false;

  constructor(
    mostAtOnce: number,
    work: (key: string) => Promise<void>,
    onFailure: (key: string, error: unknown, delayMs: number) => void,
  ) {
    this.#mostAtOnce = mostAtOnce;
    this.#work = work;
    this.#onFailure = onFailure;
  }

  get depth(): number {
    return this.#waiting.size + this.#running.size;
  }

  /** Begins to work. What came before waits until then. */
  open(): void {
    this.#isOpen = true;
    this.#next();
  }

  /** Ends all that has not begun. */
  close(): void {
    this.#isOpen = false;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Has a key worked on soon. While it is worked on, that is once more afterwards. */
  add(key: string): void {
    this.#waiting.add(key);
    this.#next();
  }

  /** Has a key worked on after a while, or earlier if that is wanted already. */
  addLater(key: string, delayMs: number): void {
    const atMs = performance.now() + delayMs;
    const before = this.#timers.get(key);
    if (before !== undefined && before.atMs <= atMs) return;
    clearTimeout(before?.timer);
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        this.add(key);
      },
      Math.min(delayMs, LONGEST_TIMER_MS),
    );
    this.#timers.set(key, { timer, atMs });
  }

  #next(): void {
    if (!this.#isOpen) return;
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#mostAtOnce) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    try {
      await this.#work(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      const delayMs =
        Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
      this.#onFailure(key, error, delayMs);
      if (this.#isOpen) this.addLater(key, delayMs);
    } finally {
      this.#running.delete(key);
      this.#next();
    }
  }
}

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 60_000;
/** Node.js takes a longer time for none at all; the key is then looked at once more in between. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
