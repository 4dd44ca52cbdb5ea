import { run } from '#src/exec/command.ts';
import { COMMAND_LINE } from '../lab.ts';
import { tapFlags } from '../ways/tap.ts';

const COMMANDS = {
  'node -e 0': ['-e', '0'],
  'kokotap --version': [COMMAND_LINE, '--version'],
  'kokotap --help': [COMMAND_LINE, '--help'],
  'kokotap, printing a tap': [COMMAND_LINE, ...tapFlags('node-b')],
};
export const EMPTY_PROGRAM = 'node -e 0';

/** The wall times in milliseconds of what a user types, and of an empty program; one after the other in each run. */
export async function measureCommandLine(runs: number): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = {};
  for (let count = 0; count < runs; count++) {
    for (const [name, args] of Object.entries(COMMANDS)) {
      const start = performance.now();
      await run(process.execPath, args);
      (times[name] ??= []).push(performance.now() - start);
    }
  }
  return times;
}
