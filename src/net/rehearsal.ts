import { CommandError, run, type RunOptions } from '#src/exec/command.ts';
import { loadFailure } from '#src/tap/programs.ts';
import { bpfWords } from './steps.ts';

/**
 * Puts a program on the loopback of a network namespace of its own, which goes at once: whether the kernel takes it is
 * known then before anything is done to an interface that is in use.
 *
 * @param program eBPF, as tc names it
 * @returns why not; undefined when the kernel takes it, or the rehearsal cannot be made here
 */
export async function whyNotTaken(program: string, options: RunOptions): Promise<string | undefined> {
  const filter = ['filter', 'add', 'dev', 'lo', 'ingress', ...bpfWords(program, 'direct')];
  const input = [['qdisc', 'add', 'dev', 'lo', 'clsact'], filter]
    .map((words) => `${words.join(' ')}\n`)
    .join('');
  try {
    await run('unshare', ['--net', 'tc', '-batch', '-'], { ...options, input });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
    return loadFailure(error.stderr);
  }
}
