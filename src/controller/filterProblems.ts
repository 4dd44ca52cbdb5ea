import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import { CommandError } from '#src/exec/command.ts';
import { FilterError } from '#src/net/pcapFilter.ts';
import { compileUserFilter } from '#src/net/userFilter.ts';

const TIMEOUT_MS = 10_000;
const MOST_KEPT = 1000;

/** What is wrong with filters, each of which is compiled once. */
export class FilterProblems {
  readonly #kept = new Map<string, string | undefined>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** What the compiler says of a filter; undefined: it is possible, or only its node can tell. */
  async of(filter: string | undefined): Promise<string | undefined> {
    if (filter === undefined) return undefined;
    if (this.#kept.has(filter)) return this.#kept.get(filter);
    const problem = await this.#compile(filter);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(filter, problem);
    return problem;
  }

  async #compile(filter: string): Promise<string | undefined> {
    try {
      await compileUserFilter(filter, { timeoutMs: TIMEOUT_MS });
      return undefined;
    } catch (error) {
      if (error instanceof FilterError && !error.isHereOnly)
        return error.message.replace(/^--filter is/u, 'spec.filter is');
      if (!(error instanceof FilterError) && !(error instanceof CommandError)) throw error;
      this.#log.info({ filter, error: messageOf(error) }, 'the filter is left to the senders to check');
      return undefined;
    }
  }
}
