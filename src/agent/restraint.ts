import { UserError } from '#src/errors.ts';
import type { RunOptions } from '#src/exec/command.ts';
import { whyNotTaken } from '#src/net/rehearsal.ts';
import type { Copies } from '#src/tap/state.ts';
import type { Timing } from './timing.ts';

/**
 * Keeps an error that lasts from costing the target's packets again and again: a qdisc that is made and taken away again
 * stops the interface each time. After the first one the filter is tried elsewhere before it is tried there, and there
 * only seldom.
 */
export class Restraint {
  readonly #copies: Copies | undefined;
  readonly #waitMs: number;
  #hasDisturbed = false;
  #until = 0;

  constructor(copies: Copies | undefined, { loadRetryMs }: Timing) {
    this.#copies = copies;
    this.#waitMs = loadRetryMs;
  }

  /** A qdisc was made on a target interface in vain. */
  noteDisturbance(): void {
    this.#hasDisturbed = true;
    this.#until = performance.now() + this.#waitMs;
  }

  /** All is in place. */
  lift(): void {
    this.#hasDisturbed = false;
    this.#until = 0;
  }

  /**
   * When the target interfaces may be tried again.
   *
   * @throws {UserError} with why the kernel takes the filter nowhere
   */
  async earliest(options: RunOptions): Promise<number> {
    if (!this.#hasDisturbed || this.#copies === undefined) return 0;
    const reason = await whyNotTaken(this.#copies.matching, { copyTo: 'lo' }, options);
    if (reason !== undefined)
      throw new UserError(`The kernel does not take the filter that copies: ${reason}`);
    return this.#until;
  }
}
