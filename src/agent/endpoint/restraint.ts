import { messageOf, UserError } from '#src/errors.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { whyNotTaken } from '#src/net/rehearsal.ts';
import type { Desired } from '#src/tap/state.ts';
import type { Timing } from '#src/agent/timing.ts';
import { isDeviceGone } from '#src/net/gone.ts';

/** A qdisc that was made on a target interface and taken away again, because a step failed. */
export interface Disturbance {
  readonly error: unknown;
  /** What the interfaces were like: see `surroundingsOf`. */
  readonly surroundings: string;
  /** Reads what they are like now. */
  look(): Promise<string>;
}

/**
 * Keeps an error that lasts from costing the target's packets again and again: a qdisc that is made and taken away again
 * stops the interface each time. After the first one the filter is tried elsewhere before it is tried there. What the
 * kernel refused on the interface itself is tried there again only when the interface, or what others have on it, has
 * changed; what failed for a reason that passes, such as a lack of memory, only seldom.
 */
export class Restraint {
  readonly #desired: Pick<Desired, 'id' | 'copies'>;
  readonly #waitMs: number;
  #disturbance: Disturbance | undefined;
  #until = 0;

  constructor(desired: Pick<Desired, 'id' | 'copies'>, { loadRetryMs }: Timing) {
    this.#desired = desired;
    this.#waitMs = loadRetryMs;
  }

  /** A qdisc was made on a target interface in vain. */
  noteDisturbance(disturbance: Disturbance): void {
    this.#disturbance = disturbance;
    this.#until = performance.now() + this.#waitMs;
  }

  /** All is in place. */
  lift(): void {
    this.#disturbance = undefined;
    this.#until = 0;
  }

  /**
   * When the target interfaces may be tried again.
   *
   * @throws {UserError} with why the kernel takes the filter nowhere, or not there
   */
  async earliest(options: RunOptions): Promise<number> {
    const disturbance = this.#disturbance;
    const { id, copies } = this.#desired;
    if (disturbance === undefined || copies === undefined) return 0;
    const reason = await whyNotTaken(id, copies.matching, { copyTo: 'lo' }, options);
    if (reason !== undefined)
      throw new UserError(`The kernel does not take the filter that copies: ${reason}`);
    if (!isRefusal(disturbance.error)) return this.#until;
    if ((await disturbance.look()) !== disturbance.surroundings) return 0;
    throw new UserError(
      `The kernel refused the tap on the target interface, where kokotap tries it again when the interface or its filters change: ${messageOf(disturbance.error)}`,
    );
  }
}

/** Whether the same command would fail again: the kernel gave a reason, and none that passes. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof CommandError) || error.exitCode === undefined) return false;
  return !passing.test(error.stderr) && !isDeviceGone(error.stderr);
}

const passing =
  /Cannot allocate memory|No buffer space|Resource temporarily|Device or resource busy|Interrupted|Parent Qdisc/;
