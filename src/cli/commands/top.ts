import { ALL_NAMESPACES, OF_KUBECTL, OTHER, TAPS_NAMESPACE, TAPS_SELECTOR } from '../flags.ts';
import type { CommandDefinition } from './command.ts';
import { checkOfAllNamespaces } from './status.ts';

/** `kokotap top` */
export const TOP: CommandDefinition = {
  name: 'top',
  aliases: [],
  completes: 'taps',
  usage: '[TAP|TARGET...] [-A] [-l SELECTOR]',
  about: 'shows rates and losses of taps, once a second',
  details:
    'TAP and TARGET are those of kokotap status. Keys: j, k and arrows select a tap, q ends. Without a terminal it is kokotap list --watch.',
  flags: {
    'Which:': [TAPS_NAMESPACE, ALL_NAMESPACES, TAPS_SELECTOR],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': OTHER,
  },
  check: checkOfAllNamespaces,
  run: async (typed, cluster, terminal) => (await import('../top/top.ts')).top(typed, cluster, terminal),
};
