import { ExecaError, execa } from 'execa';

/** A command that could not be started, ended with another exit code than 0, or took too long. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly command: string;
  readonly exitCode: number | undefined;
  readonly stderr: string;

  constructor(command: string, exitCode: number | undefined, stderr: string, cause: Error) {
    const outcome = exitCode === undefined ? cause.message.split('\n', 1)[0] : `exit code ${exitCode}`;
    super(`${command}: ${stderr.trim().replaceAll('\n', '; ') || outcome}`, { cause });
    this.command = command;
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

export interface RunOptions {
  readonly timeoutMs?: number;
  /** Told of every command before it runs. */
  readonly onCommand?: ((command: string) => void) | undefined;
}

/**
 * Runs a program without a shell and returns its standard output.
 *
 * @throws {CommandError} with the command and its standard error.
 */
export async function run(
  file: string,
  args: readonly string[],
  { timeoutMs = 10_000, onCommand }: RunOptions = {},
): Promise<string> {
  const command = [file, ...args].join(' ');
  onCommand?.(command);
  try {
    const { stdout } = await execa(file, args, {
      stdin: 'ignore',
      timeout: timeoutMs,
    });
    return stdout;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const stderr: unknown = error.stderr;
    throw new CommandError(command, error.exitCode, typeof stderr === 'string' ? stderr : '', error);
  }
}
