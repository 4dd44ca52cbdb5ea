import { UsageError } from '#src/errors.ts';
import { COMPLETION_SCRIPTS, SHELLS } from '../completion/scripts.ts';
import { quote } from '../text.ts';
import type { LocalCommand } from './command.ts';

/** `kokotap completion` */
export const COMPLETION: LocalCommand = {
  name: 'completion',
  aliases: [],
  usage: `{${SHELLS.join('|')}}`,
  about: 'prints a script that completes command lines',
  details: 'The first lines of each script say how it is read by its shell.',
  flags: {},
  completes: SHELLS,
  example: `
Example: complete in this bash, and in every later one
  $ source <(kokotap completion bash)
  $ kokotap completion bash > /etc/bash_completion.d/kokotap`,
  check: ({ args }) => {
    const [asked = ''] = args;
    if (args.length !== 1 || !SHELLS.some((shell) => shell === asked))
      throw new UsageError(
        `${args.length === 0 ? 'The shell is missing' : `Shell ${quote(args.join(' '))} is not possible`}: give one of ${SHELLS.join(', ')}`,
      );
  },
  runHere: async ({ args }) =>
    SHELLS.flatMap((shell) => (shell === args[0] ? COMPLETION_SCRIPTS[shell] : [])).join(''),
};
