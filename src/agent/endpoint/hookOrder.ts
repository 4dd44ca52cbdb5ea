import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import type { Netns } from '#src/net/netns.ts';
import { type Held, holdTcx } from '#src/net/tcx.ts';
import { type Hold, holdsOf, isHeld } from '#src/tap/plan/ahead.ts';
import type { Observed, Desired } from '#src/tap/state.ts';
import type { Timing } from '#src/agent/timing.ts';

/** Keeps the tap before others' programs that would hide packets from its filters, in one network namespace. */
export class HookOrder {
  readonly #netns: Netns;
  readonly #log: Logger;
  readonly #timing: Timing;
  readonly #onGone: () => void;
  #held: Held | undefined;
  #holds: readonly Hold[] = [];
  #retryAt = -Infinity;
  #trouble: string | undefined;

  /** @param onGone called when what is held has gone */
  constructor(netns: Netns, log: Logger, timing: Timing, onGone: () => void) {
    this.#netns = netns;
    this.#log = log;
    this.#timing = timing;
    this.#onGone = onGone;
  }

  /** The kernel did not let the tap go ahead, and may be tried again only later. */
  get isRefused(): boolean {
    return performance.now() < this.#retryAt;
  }

  /** Goes where the tap has to go, and leaves where it need not be. @returns whether anything changed */
  async follow(desired: Desired, observed: Observed): Promise<boolean> {
    const holds = holdsOf(desired, observed);
    if (isDeepStrictEqual(holds, this.#holds) && holds.every((hold) => isHeld(hold, observed))) return false;
    await this.release();
    if (holds.length === 0) return true;
    try {
      this.#held = await holdTcx(this.#netns, desired.ifname, holds, () => {
        this.#held = undefined;
        this.#holds = [];
        this.#onGone();
      });
      this.#holds = holds;
      this.#trouble = undefined;
      const places = holds.map(({ ifname, hook }) => `${hook} of ${ifname}`);
      this.#log.info({ places }, "the tap goes before others' programs, which could hide packets from it");
    } catch (error) {
      this.#retryAt = performance.now() + this.#timing.loadRetryMs;
      if (this.#trouble === undefined)
        this.#log.warn({ cause: messageOf(error) }, "the tap stays behind others' programs");
      this.#trouble = messageOf(error);
    }
    return true;
  }

  /** Lets go of all. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    this.#holds = [];
    await held?.release();
  }
}
