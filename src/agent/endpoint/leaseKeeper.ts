import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import type { RunOptions } from '#src/exec/command.ts';
import { findLease, type FoundLease, renewLease } from '#src/net/leases.ts';
import type { Lease } from '#src/tap/programs/lease.ts';
import { type TapId, preferences } from '#src/tap/ownership/mark.ts';
import type { Observed, Step } from '#src/tap/state.ts';
import type { Timing } from '#src/agent/timing.ts';

/** A tap's lease as it is when it is given or renewed now. */
export function leaseFromNow(tap: TapId, leaseMs: number): Lease {
  return { tap, untilNs: process.hrtime.bigint() + BigInt(leaseMs) * 1_000_000n };
}

/** Renews the lease of a sender's copies as long as the agent lives, whatever state the endpoint is in. */
export class LeaseKeeper {
  readonly #tap: TapId;
  readonly #timing: Timing;
  readonly #log: Logger;
  #programId: number | undefined;
  #found: FoundLease | undefined;
  #dueAt = 0;

  constructor(tap: TapId, timing: Timing, log: Logger) {
    this.#tap = tap;
    this.#timing = timing;
    this.#log = log;
  }

  /**
   * Takes note of the program that treats the copies.
   *
   * @param ifname of the mirror device
   * @param made the changes that were made to get there: a program that was just loaded has a lease as new as it is
   */
  follow(ifname: string, { classifiers }: Observed, made: readonly Step[]): void {
    const filters = classifiers[ifname]?.filters ?? [];
    const programId = filters.find(
      ({ hook, preference }) => hook === 'egress' && preference === preferences.copy,
    )?.programId;
    if (programId === this.#programId) return;
    this.#programId = programId;
    this.#found = undefined;
    const isNew = made.some((step) => 'filter' in step && step.filter.preference === preferences.copy);
    this.#dueAt = isNew ? performance.now() + this.#timing.renewMs : 0;
  }

  /** Renews the lease when it is time to. A renewal that fails is tried again at the next call. */
  async renew(options: RunOptions): Promise<void> {
    if (this.#programId === undefined || performance.now() < this.#dueAt) return;
    try {
      this.#found ??= await findLease(this.#programId);
      if (this.#found !== undefined)
        await renewLease({ ...this.#found, ...leaseFromNow(this.#tap, this.#timing.leaseMs) });
      this.#dueAt = performance.now() + this.#timing.renewMs;
    } catch (error) {
      this.#found = undefined;
      if (!options.signal?.aborted) this.#log.warn({ cause: messageOf(error) }, 'the lease was not renewed');
    }
  }
}
