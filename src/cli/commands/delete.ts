import { UsageError } from '#src/errors.ts';
import { OF_KUBECTL, OTHER, plain, TAPS_NAMESPACE } from '../flags.ts';
import type { CommandDefinition } from './command.ts';

/** `kokotap delete` */
export const DELETE: CommandDefinition = {
  name: 'delete',
  aliases: [],
  usage: '{TAP|TARGET ... | -l SELECTOR | --all}',
  about: 'deletes taps, and waits until they are gone',
  completes: 'taps',
  details:
    'TAP is an id as kokotap list shows it, or tap/NAME of a Tap of the cluster; TARGET is a pod, or deploy/NAME, sts/, ds/, rs/, job/, svc/ or node/: all taps of its pods are deleted; of a tap of several targets all have to be named.',
  flags: {
    'Which:': [
      TAPS_NAMESPACE,
      plain('-l, --selector <selector>', 'those whose pods have these labels'),
      plain('--all', 'all of the namespace'),
    ],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': OTHER,
  },
  check: ({ args, values }) => {
    const ways = [args.length > 0, values.has('--selector'), values.has('--all')];
    if (ways.filter(Boolean).length !== 1)
      throw new UsageError('Which taps? Give their names (see kokotap list), their targets, -l or --all');
  },
  run: async (typed, cluster) => (await import('../taps/deleteTaps.ts')).deleteTaps(typed, cluster),
};
