import { CommandError, type run, type RunOptions } from '#src/exec/command.ts';

/** A command of `ip` or `tc`, without the program's name. */
export type Words = readonly string[];

/** What runs programs: a network namespace, or where the agent itself is. */
export interface Runner {
  readonly run: typeof run;
}

/** A command that failed: its place among the others, and its error. */
export interface Failure {
  readonly at: number;
  readonly error: CommandError;
}

/** What became of the commands of a batch. */
export interface Batch {
  /** What those that succeeded printed, one after the other. */
  readonly stdout: string;
  readonly failures: readonly Failure[];
}

export interface BatchOptions extends RunOptions {
  /** What stands before every command, for example `-json`. */
  readonly flags?: readonly string[];
  /** Go on after a command that failed. */
  readonly force?: boolean;
}

/**
 * Runs many commands of `ip` or `tc` by one process: to start a process costs more than most
 * commands do, and far more on a node without spare CPU.
 *
 * @throws {CommandError} when the process could not be started, was ended, or took too long: which of the commands were
 *   run is not known then
 */
export async function runBatch(
  runner: Runner,
  program: 'ip' | 'tc',
  commands: readonly Words[],
  options: BatchOptions = {},
): Promise<Batch> {
  const outputs: string[] = [];
  const failures: Failure[] = [];
  let first = 0;
  for (const part of split(commands)) {
    const { stdout, failures: inPart } = await runPart(runner, program, part, options);
    if (stdout !== '') outputs.push(stdout);
    for (const { at, error } of inPart) failures.push({ at: first + at, error });
    if (failures.length > 0 && options.force !== true) break;
    first += part.length;
  }
  return { stdout: outputs.join('\n'), failures };
}

/** In a batch a `#` begins a comment, even within quotation marks: a command with such a word is run alone. */
function split(commands: readonly Words[]): Words[][] {
  const parts: Words[][] = [];
  let isOpen = false;
  for (const words of commands) {
    const isPlain = !words.some((word) => /[#'"\\]/.test(word));
    if (isPlain && isOpen) parts.at(-1)?.push(words);
    else parts.push([words]);
    isOpen = isPlain;
  }
  return parts;
}

async function runPart(
  runner: Runner,
  program: 'ip' | 'tc',
  commands: readonly Words[],
  { flags = [], force = false, ...options }: BatchOptions,
): Promise<Batch> {
  const [only] = commands;
  const asArguments = commands.length === 1 && only !== undefined ? only : undefined;
  const args = asArguments ?? [...(force ? ['-force'] : []), '-batch', '-'];
  const input = asArguments === undefined ? commands.map(line).join('') : undefined;
  try {
    return { stdout: await runner.run(program, [...flags, ...args], { ...options, input }), failures: [] };
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
    if (asArguments !== undefined) return { stdout: '', failures: [{ at: 0, error }] };
    return { stdout: error.stdout, failures: failuresOf(program, commands, error) };
  }
}

function line(words: Words): string {
  return `${words.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ')}\n`;
}

/** Behind what a command says of its failure stands `Command failed -:LINE`. */
function failuresOf(program: string, commands: readonly Words[], error: CommandError): Failure[] {
  const [, ...said] = error.stderr.split(/^Command failed -:(?=\d)/m);
  if (said.length === 0) throw error;
  const texts = error.stderr.split(/^Command failed -:\d+\n?/m);
  return said.map((rest, index) => {
    const at = Number.parseInt(rest, 10) - 1;
    const command = [program, ...(commands[at] ?? [])].join(' ');
    return { at, error: new CommandError(command, error.exitCode, texts[index] ?? '', error) };
  });
}
