import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import type { RunOptions } from '#src/exec/command.ts';
import { changeTables, listTables, readTable, type Table } from '#src/net/nftables.ts';
import { guardName, guardOwner, guardRules, probeCounter } from '#src/tap/guard.ts';
import type { Tunnel, Wanted } from '#src/tap/state.ts';
import { liveTaps } from './lock.ts';

/** Keeps the table of nftables that lets only the other end's packets come to this end. */
export class Guard {
  readonly #name: string;
  readonly #rules: string;
  readonly #log: Logger;
  readonly #run: RunOptions;
  /** What the kernel made of the rules. */
  #made: string | undefined;
  #lookedAt = -Infinity;
  #isGone = false;
  #keeping: Promise<void> | undefined;
  #probes: number | undefined;
  #trouble: string | undefined;

  constructor(
    { id, role }: Pick<Wanted, 'id' | 'role'>,
    tunnel: Tunnel,
    log: Logger,
    runOptions: RunOptions,
  ) {
    this.#name = guardName(id, role);
    this.#rules = guardRules(this.#name, tunnel);
    this.#log = log;
    this.#run = runOptions;
  }

  /** The probes that came so far, as of the last look; undefined where they cannot be counted. */
  get probes(): number | undefined {
    return this.#probes;
  }

  /**
   * Looks whether the table is as it was made, and makes it where it is not. Where there is no nftables a tap works
   * without, which is said once.
   *
   * @param everyMs the last look is good for so long
   */
  async keep(everyMs: number): Promise<void> {
    if (performance.now() < this.#lookedAt + everyMs) return;
    this.#keeping = this.#keep();
    await this.#keeping;
  }

  async #keep(): Promise<void> {
    this.#lookedAt = performance.now();
    try {
      await this.#look();
      this.#trouble = undefined;
    } catch (error) {
      this.#probes = undefined;
      if (this.#trouble === undefined) this.#log.warn({ cause: messageOf(error) }, notice);
      this.#trouble = messageOf(error);
    }
  }

  /**
   * Takes the table away, also one that an agent before this one left.
   *
   * @throws {CommandError} when it stays
   */
  async remove(): Promise<void> {
    await this.#keeping;
    if (this.#isGone) return;
    try {
      // Made first, if it is not there, so that one transaction does in any case.
      await changeTables(`add table inet ${this.#name}\n${deletion(this.#name)}`, this.#run);
    } catch (error) {
      if (this.#made !== undefined) throw error; // else there is no nftables, and so no table
    }
    this.#isGone = true;
    this.#lookedAt = -Infinity;
  }

  async #look(): Promise<void> {
    const there = this.#made === undefined || this.#isGone ? undefined : await this.#read();
    if (there !== undefined && there.content === this.#made) {
      this.#probes = there.counters.get(probeCounter);
      return;
    }
    this.#isGone = false;
    await changeTables(this.#rules, this.#run);
    const { content } = await readTable(this.#name, this.#run);
    // Only the first time: what is read after a repair may have been damaged again since.
    this.#made ??= content;
    this.#probes = 0;
    await this.#sweep();
  }

  /** Removes the tables of taps that no agent of this node keeps: their VNI may be another's by now. */
  async #sweep(): Promise<void> {
    const live = liveTaps();
    for (const name of await listTables(this.#run)) {
      const owner = guardOwner(name);
      if (owner === undefined || live.has(owner)) continue;
      try {
        await changeTables(deletion(name), this.#run);
      } catch (error) {
        // Another agent may have done it just now.
        this.#log.debug({ err: error }, 'a left-over table was not deleted');
      }
    }
  }

  /** Undefined when it is not there, or cannot be read: then it is made anew, which tells why it cannot be. */
  async #read(): Promise<Table | undefined> {
    try {
      return await readTable(this.#name, this.#run);
    } catch {
      return undefined;
    }
  }
}

const notice =
  "The nftables table could not be made; the tap goes on without it: whoever can send to this node's VXLAN port can put packets among the copies";

function deletion(name: string): string {
  return `delete table inet ${name}`;
}
