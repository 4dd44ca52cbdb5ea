import { CommandError, run, type RunOptions } from '#src/exec/command.ts';
import { loadFailure } from '#src/tap/programs/loadFailure.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';
import type { OurFilter } from '#src/tap/state.ts';
import { runBatch, type Runner } from './batch.ts';
import { bpfWords } from './steps.ts';

/**
 * Puts a program on the loopback of a network namespace of its own, which goes at once: whether the kernel takes it is
 * known then before anything is done to an interface that is in use.
 *
 * @param tap whose the program is
 * @param program as tc names it
 * @param action of its filter; the only device there is `lo`
 * @returns why not; undefined when the kernel takes it, or the rehearsal cannot be made here
 */
export async function whyNotTaken(
  tap: TapId,
  program: string,
  action: OurFilter['action'],
  options: RunOptions,
): Promise<string | undefined> {
  const commands = [
    ['qdisc', 'add', 'dev', 'lo', 'clsact'],
    ['filter', 'add', 'dev', 'lo', 'ingress', ...bpfWords(tap, program, action)],
  ];
  try {
    const [failure] = (await runBatch(inNewNetns, 'tc', commands, options)).failures;
    if (failure === undefined) return undefined;
    const { stderr } = failure.error;
    return loadFailure(stderr) ?? stderr.trim().replaceAll('\n', '; ');
  } catch (error) {
    if (error instanceof CommandError && error.exitCode !== undefined) return undefined; // no such namespace can be made
    throw error;
  }
}

const inNewNetns: Runner = {
  run: (file, args, options) => run('unshare', ['--net', file, ...args], options),
};
