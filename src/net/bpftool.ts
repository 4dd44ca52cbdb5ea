import * as z from 'zod/mini';
import { CommandError, run, type RunOptions } from '#src/exec/command.ts';

/** `bpftool --json batch` of version 7.1. */
const answers = z.array(z.object({ output: z.unknown() }));

/**
 * Runs commands of bpftool by one process and returns what each prints. It ends behind the first that fails, whose answer
 * is `{ error }`: what a command is about may go at any time.
 *
 * @throws {CommandError} when bpftool itself fails
 */
export async function runBpftool(commands: readonly string[], options: RunOptions = {}): Promise<unknown[]> {
  if (commands.length === 0) return [];
  const input = commands.map((command) => `${command}\n`).join('');
  return z.parse(answers, JSON.parse(await runBatch(input, options))).map(({ output }) => output);
}

async function runBatch(input: string, options: RunOptions): Promise<string> {
  try {
    return await run('bpftool', ['--json', 'batch', 'file', '-'], { ...options, input });
  } catch (error) {
    if (error instanceof CommandError && error.exitCode !== undefined && error.stdout.startsWith('[{'))
      return error.stdout;
    throw error;
  }
}
