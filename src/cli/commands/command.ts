import type { Cluster } from '#src/kube/cluster.ts';
import type { Completed, FlagGroups } from '../flags.ts';
import type { GivenFlag } from '../givenFlags.ts';
import type { Outcome } from '../outcome.ts';
import type { Terminal } from '../surroundings.ts';

/** What was typed behind a command's name. */
export interface Typed {
  /** What is no flag. */
  readonly args: readonly string[];
  /** The values of the flags that were given, by their long names; those without a value are empty. */
  readonly values: ReadonlyMap<string, string>;
  /** The flags themselves. */
  readonly given: readonly GivenFlag[];
}

/** A command of the command line, besides the one without a name. */
export interface CommandDefinition {
  readonly name: string;
  readonly aliases: readonly string[];
  /** What comes behind its name. */
  readonly usage: string;
  /** One sentence. */
  readonly about: string;
  /** Further sentences for its own help. */
  readonly details?: string;
  /** In the order of help. */
  readonly flags: FlagGroups;
  /** What a shell completes from that is no flag; undefined: from nothing. */
  readonly completes?: Completed;
  /** Printed behind the flags. */
  readonly example?: string;
  /**
   * @param isTerminal whether standard output is one
   * @throws {UsageError} for what can be seen to be wrong before the cluster is asked.
   */
  readonly check: (typed: Typed, isTerminal: boolean) => void;
  /** @returns what is printed, and the exit code if it is not 0. */
  readonly run: (typed: Typed, cluster: Cluster, terminal: Terminal) => Promise<string | Outcome>;
}

/** A command that asks no cluster: no kubectl is started for it. */
export interface LocalCommand extends Omit<CommandDefinition, 'run'> {
  /** @returns what is printed. */
  readonly runHere: (typed: Typed, env: NodeJS.ProcessEnv) => Promise<string>;
}

export type AnyCommand = CommandDefinition | LocalCommand;
