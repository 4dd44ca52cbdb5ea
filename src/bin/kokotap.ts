import { parseCommandLine } from '#src/cli/commandLine.ts';
import { checkOptions } from '#src/cli/options.ts';
import { isBrokenPipe, writeAll } from '#src/cli/output.ts';
import { oneLine } from '#src/cli/text.ts';
import { messageOf, UsageError, UserError } from '#src/errors.ts';

let verbose = false;
try {
  await writeAll(process.stdout, await run());
} catch (error) {
  process.exitCode = error instanceof UsageError ? 2 : 1;
  if (!isBrokenPipe(error)) report(error);
}
// A credential plugin that never answers would keep the process alive.
process.exit();

async function run(): Promise<string> {
  const commandLine = parseCommandLine(process.argv.slice(2));
  if (commandLine.kind === 'text') return commandLine.text;
  verbose = commandLine.options.verbose === true;
  const options = checkOptions(commandLine.options);
  // Loaded only here: help and version need nothing of it, and it takes most of the start-up time.
  const { printTap } = await import('#src/cli/printTap.ts');
  return printTap(options, {
    env: process.env,
    warn: (message) => say(`warning: ${message}`),
    trace: (message) => {
      if (verbose) say(message);
    },
  });
}

function report(error: unknown): void {
  const isExpected = error instanceof UserError;
  say(
    `${isExpected ? '' : 'internal error, please report it with the stack that -v shows: '}${messageOf(error)}`,
  );
  if (verbose && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

function say(message: string): void {
  process.stderr.write(`kokotap: ${oneLine(message)}\n`);
}
