import { ExecaError, execa } from 'execa';

/** A command that could not be started, ended with another exit code than 0, or took too long. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly command: string;
  readonly exitCode: number | undefined;
  readonly stderr: string;
  /** What it had printed until then. */
  readonly stdout: string;
  /** It was ended because it took too long. */
  readonly timedOut: boolean;

  /** The message begins with the reason: a command can be longer than what shows the message has room for. */
  constructor(command: string, exitCode: number | undefined, stderr: string, cause: Error, stdout = '') {
    const outcome = exitCode === undefined ? outcomeOf(cause) : `exit code ${exitCode}`;
    super(`${stderr.trim().replaceAll('\n', '; ') || outcome} (${shortened(command)})`, { cause });
    this.timedOut = cause instanceof ExecaError && cause.timedOut;
    this.command = command;
    this.exitCode = exitCode;
    this.stderr = stderr;
    this.stdout = stdout;
  }
}

/** Of a program that did not end by itself. */
function outcomeOf(cause: Error): string {
  const said = cause instanceof ExecaError ? cause.originalMessage || cause.shortMessage : cause.message;
  const [first = ''] = said.split('\n', 1);
  return first.slice(0, shownCharacters);
}

function shortened(command: string): string {
  return command.length > shownCharacters ? `${command.slice(0, shownCharacters)}…` : command;
}

const shownCharacters = 300;

export interface RunOptions {
  readonly timeoutMs?: number;
  /** Told of every command before it runs. */
  readonly onCommand?: ((command: string) => void) | undefined;
  /** Ends the program before its time; that is a {@link CommandError} too. */
  readonly signal?: AbortSignal | undefined;
  /** What the program reads from its standard input; undefined: nothing. */
  readonly input?: string | undefined;
  /** Whether it has failed by what it says on its standard error, though it exits 0. */
  readonly isFailure?: (stderr: string) => boolean;
}

/**
 * Runs a program without a shell and returns its standard output.
 *
 * @throws {CommandError} with the command and its standard error.
 */
export async function run(
  file: string,
  args: readonly string[],
  { timeoutMs = 10_000, onCommand, signal, input, isFailure }: RunOptions = {},
): Promise<string> {
  const command = [file, ...args].join(' ');
  onCommand?.(input === undefined ? command : `${command}\n${input}`);
  try {
    const { stdout, stderr } = await execa(file, args, {
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
      ...(signal === undefined ? {} : { cancelSignal: signal }),
      timeout: timeoutMs,
    });
    if (isFailure?.(stderr) === true) throw new CommandError(command, 0, stderr, new Error(stderr), stdout);
    return stdout;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    throw new CommandError(command, error.exitCode, text(error.stderr), error, text(error.stdout));
  }
}

function text(output: unknown): string {
  return typeof output === 'string' ? output : '';
}
