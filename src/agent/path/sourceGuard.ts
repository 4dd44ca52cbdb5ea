import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { addGuard, announceGuard, removeGuard } from '#src/net/guardTable.ts';
import { readTable, type Table } from '#src/net/nftables.ts';
import { chainsOf, type Guarded, guardTable, probeCounterOf, sharedChains } from '#src/tap/guard/rules.ts';
import type { Tunnel, Desired } from '#src/tap/state.ts';

/** Keeps the entry of nftables that lets only the other end's packets come to this end. */
export class Guard {
  readonly #own: Guarded;
  readonly #tunnel: Tunnel;
  readonly #log: Logger;
  readonly #run: RunOptions;
  /** What the kernel made of the entry. */
  #made: string | undefined;
  /** The table at the last look. */
  #table: Table | undefined;
  readonly #read: () => Promise<Table | undefined>;
  /** When it looked last. */
  #lookedAt = -Infinity;
  #isGone = false;
  #keeping: Promise<void> | undefined;
  #trouble: string | undefined;

  /** @param read reads the table; the endpoints of an agent share what it reads */
  constructor(
    { id, role, inDestinationPod }: Pick<Desired, 'id' | 'role' | 'inDestinationPod'>,
    tunnel: Tunnel,
    log: Logger,
    runOptions: RunOptions,
    read: () => Promise<Table | undefined>,
  ) {
    this.#own = { tap: id, role, inPod: inDestinationPod };
    this.#tunnel = tunnel;
    this.#log = log;
    this.#run = runOptions;
    this.#read = read;
  }

  /** The probes that came so far, as of the last look; undefined where they cannot be counted. */
  get probes(): number | undefined {
    return this.#trouble === undefined ? this.#table?.counters.get(probeCounterOf(this.#own)) : undefined;
  }

  /**
   * Looks whether the entry is as it was made, and makes it where it is not. Where there is no nftables a tap works
   * without, which is said once.
   *
   * @param everyMs the last look is good for so long at most. All endpoints look at the same moments, and share a reading.
   */
  async keep(everyMs: number): Promise<void> {
    const now = performance.now();
    if (Math.floor(now / everyMs) === Math.floor(this.#lookedAt / everyMs)) return;
    this.#lookedAt = now;
    this.#keeping = this.#keep();
    await this.#keeping;
  }

  /**
   * Makes an entry without effect, so that what this agent makes next is found when it is killed. A node without nftables is
   * told of when the entry is to have an effect.
   */
  async announce(): Promise<void> {
    if (this.#made !== undefined && !this.#isGone) return;
    try {
      await announceGuard({ own: this.#own, options: this.#run });
      this.#isGone = false;
    } catch (error) {
      this.#log.debug({ err: error }, 'the tap could not be announced in nftables');
    }
  }

  async #keep(): Promise<void> {
    try {
      await this.#look();
      this.#trouble = undefined;
    } catch (error) {
      if (this.#trouble === undefined) this.#log.warn({ cause: messageOf(error) }, notice);
      this.#trouble = messageOf(error);
    }
  }

  /** Takes the entry away if there is one, as it should be while the endpoint is not in place. */
  async clear(): Promise<void> {
    if (this.#isGone) return;
    const table = await this.#read().catch(() => undefined); // a node without nftables has none
    const isThere = chainsOf(this.#own).some((chain) => table?.chains.has(chain) === true);
    if (isThere || this.#made !== undefined) await this.remove();
    else this.#isGone = true;
  }

  /**
   * Takes the entry away, also one that an agent before this one left.
   *
   * @throws {CommandError} when it stays, or cannot be looked for
   */
  async remove(): Promise<void> {
    await this.#keeping;
    if (this.#isGone) return;
    try {
      await removeGuard({ own: this.#own, options: this.#run, known: this.#table });
    } catch (error) {
      if (!(await this.#isWithoutNftables())) throw error;
    }
    this.#table = undefined;
    this.#isGone = true;
    this.#lookedAt = -Infinity;
  }

  async #look(): Promise<void> {
    const isMade = this.#made !== undefined && !this.#isGone;
    const there = isMade ? await this.#read() : undefined;
    if (there !== undefined && this.#contentOf(there) === this.#made) {
      this.#table = there;
      return;
    }
    const [own, tunnel, options] = [this.#own, this.#tunnel, this.#run];
    this.#isGone = false;
    this.#table = await addGuard({ own, tunnel, options, known: there });
    // Only the first time: what is read after a repair may have been damaged again since.
    if (this.#table !== undefined) this.#made ??= this.#contentOf(this.#table);
  }

  /** What of the table has to be for this end; the other taps' entries are theirs. */
  #contentOf({ chains, elements }: Table): string {
    const own = chainsOf(this.#own);
    const keys = own.map((chain) => [...elements].filter(([, to]) => to === chain));
    return JSON.stringify([[...sharedChains, ...own].map((name) => chains.get(name)), keys]);
  }

  /** Where nothing could ever be made, and nft fails whatever it is asked, there is no nftables and so nothing to remove. */
  async #isWithoutNftables(): Promise<boolean> {
    if (this.#made !== undefined) return false;
    try {
      await readTable(guardTable, this.#run);
      return false;
    } catch (error) {
      return error instanceof CommandError && error.exitCode !== undefined;
    }
  }
}

const notice =
  "The nftables table could not be made; the tap goes on without it: whoever can send to this node's VXLAN port can put packets among the copies";
