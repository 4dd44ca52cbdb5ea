import type { Cluster } from '#src/kube/cluster.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Flag } from '../flags.ts';

/** What was typed behind a command's name. */
export interface Typed {
  /** What is no flag. */
  readonly args: readonly string[];
  /** The values of the flags that were given, by their long names; those without a value are empty. */
  readonly values: ReadonlyMap<string, string>;
}

/** A command of the command line, besides the one without a name. */
export interface CommandDefinition {
  readonly name: string;
  readonly aliases: readonly string[];
  /** What comes behind its name. */
  readonly usage: string;
  /** One sentence. */
  readonly about: string;
  readonly flags: readonly Flag[];
  /** @throws {UsageError} for what can be seen to be wrong before the cluster is asked. */
  readonly check: (typed: Typed) => void;
  /** @returns what is printed. */
  readonly run: (typed: Typed, cluster: Cluster, surroundings: Surroundings) => Promise<string>;
}
