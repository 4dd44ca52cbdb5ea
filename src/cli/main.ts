import { messageOf, UsageError, UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import type { Typed } from './commands/command.ts';
import { type CommandLine, parseCommandLine } from './commandLine.ts';
import type { GivenFlag } from './givenFlags.ts';
import { checkOptions, clusterOptions, type ClusterOptions } from './options.ts';
import { untilInterrupted } from './interruption.ts';
import type { Outcome } from './outcome.ts';
import { openStdout } from './stdout.ts';
import type { Terminal } from './surroundings.ts';
import { oneLine } from './text.ts';

/** Opens the way to the cluster. */
export type Open = (
  options: ClusterOptions,
  env: NodeJS.ProcessEnv,
  listeners: { readonly pass: (text: string) => void; readonly onRequest: (line: string) => void },
) => Promise<Cluster>;

/**
 * Runs a command line.
 *
 * @param argv without the program's name
 * @param print writes to standard error at once: warnings, what is done, and at last what went wrong
 */
export async function main(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  print: (text: string) => void,
  open: Open = openByKubectl,
): Promise<Outcome> {
  let verbose = false;
  const say = (message: string) => print(`kokotap: ${oneLine(message)}\n`);
  try {
    if (argv[0] === '__complete') return { exitCode: 0, text: await completions(argv.slice(1), env, open) };
    const commandLine = parseCommandLine(argv);
    if (commandLine.kind === 'text') return { exitCode: 0, text: commandLine.text };
    verbose = commandLine.given.some(({ name }) => name === '--verbose');
    if (commandLine.kind === 'local')
      return { exitCode: 0, text: await commandLine.command.runHere(typedOf(commandLine), env) };
    const work = workOf(commandLine);
    const trace = (message: string) => {
      if (verbose) say(message);
    };
    const loading = work.load();
    await using cluster = await open(work.cluster, env, { pass: print, onRequest: trace });
    const run = await loading;
    const warn = (message: string) => say(`warning: ${message}`);
    const ended = await run(cluster, { say, print, warn, trace, env, stdout: openStdout, untilInterrupted });
    return typeof ended === 'string' ? { exitCode: 0, text: ended } : ended;
  } catch (error) {
    say(errorMessage(error));
    if (verbose && error instanceof Error) print(`${error.stack}\n`);
    return { exitCode: error instanceof UsageError ? 2 : 1, text: '' };
  }
}

/** What a command line asks to be done with a cluster. */
interface Work {
  readonly cluster: ClusterOptions;
  /** Loads what it takes while kubectl starts: help and version need nothing of it. */
  readonly load: () => Promise<(cluster: Cluster, terminal: Terminal) => Promise<string | Outcome>>;
}

function workOf(line: CommandLine & { readonly kind: 'command' | 'tap' }): Work {
  if (line.kind === 'command') {
    const { command } = line;
    const typed = typedOf(line);
    return {
      cluster: clusterOptions(line.given),
      load: async () => async (cluster, terminal) => command.run(typed, cluster, terminal),
    };
  }
  const options = checkOptions(line.given);
  return {
    cluster: options.cluster,
    load: async () => {
      const { printTap } = await import('./printTap.ts');
      return async (cluster, terminal) => printTap(options, cluster, terminal);
    },
  };
}

/** @throws {UsageError} for what is wrong with it. */
function typedOf({ command, given, args }: CommandLine & { readonly kind: 'command' | 'local' }): Typed {
  const typed = { args, values: new Map(given.map(valueOf)), given };
  command.check(typed, process.stdout.isTTY);
  return typed;
}

/** What shells ask for when a key completes a command line. */
async function completions(words: readonly string[], env: NodeJS.ProcessEnv, open: Open): Promise<string> {
  const { complete } = await import('./completion/complete.ts');
  const silent = { pass: () => undefined, onRequest: () => undefined };
  return complete(words, { env, open: async (options) => open(options, env, silent) });
}

function valueOf({ flag: { read }, name, text }: GivenFlag): [string, string] {
  const value = text === undefined ? '' : (read?.(text) ?? text);
  return [name, typeof value === 'string' ? value : (text ?? '')];
}

/** What the user cannot mend is a mistake in kokotap. */
function errorMessage(error: unknown): string {
  const isExpected = error instanceof UserError;
  return `${isExpected ? '' : 'internal error, please report it with the stack that -v shows: '}${messageOf(error)}`;
}

async function openByKubectl(
  { kubectl, flags, timeoutMs, wantsNamespace }: ClusterOptions,
  env: NodeJS.ProcessEnv,
  listeners: Parameters<Open>[2],
): Promise<Cluster> {
  const { openCluster } = await import('#src/kube/cluster.ts');
  const program = kubectl ?? (env['KUBECTL'] || 'kubectl');
  return openCluster({ program, flags, env }, { timeoutMs, wantsNamespace }, listeners);
}
