import { messageOf, UsageError, UserError } from '#src/errors.ts';
import { parseCommandLine } from './commandLine.ts';
import { checkOptions } from './options.ts';
import { oneLine } from './text.ts';

/** How a command line ended. */
export interface Outcome {
  readonly exitCode: number;
  /** For standard output. */
  readonly text: string;
}

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
): Promise<Outcome> {
  let verbose = false;
  const say = (message: string) => print(`kokotap: ${oneLine(message)}\n`);
  try {
    const commandLine = parseCommandLine(argv);
    if (commandLine.kind === 'text') return { exitCode: 0, text: commandLine.text };
    verbose = commandLine.given.some(({ name }) => name === '--verbose');
    const options = checkOptions(commandLine.given);
    // Loaded only here: help and version need nothing of it, and it takes most of the start-up time.
    const { printTap } = await import('./printTap.ts');
    const text = await printTap(options, {
      env,
      warn: (message) => say(`warning: ${message}`),
      trace: (message) => {
        if (verbose) say(message);
      },
    });
    return { exitCode: 0, text };
  } catch (error) {
    say(errorMessage(error));
    if (verbose && error instanceof Error) print(`${error.stack}\n`);
    return { exitCode: error instanceof UsageError ? 2 : 1, text: '' };
  }
}

/** What the user cannot mend is a mistake in kokotap. */
function errorMessage(error: unknown): string {
  const isExpected = error instanceof UserError;
  return `${isExpected ? '' : 'internal error, please report it with the stack that -v shows: '}${messageOf(error)}`;
}
