import { OF_KUBECTL, OTHER, TAPS_NAMESPACE } from '../flags.ts';
import { checkForm, outputFlag, WATCH } from '../taps/forms.ts';
import type { CommandDefinition } from './command.ts';

const FORMS = ['json', 'yaml'];

/** `kokotap status` */
export const STATUS: CommandDefinition = {
  name: 'status',
  aliases: [],
  completes: 'taps',
  usage: '[TAP|TARGET...] [-o json|yaml] [--watch]',
  about: 'shows both ends of taps, and their counts',
  details:
    'TAP is an id as kokotap list shows it; TARGET is a pod, or deploy/NAME, sts/, ds/, rs/, job/, svc/ or node/. Without either, all taps of the namespace are shown. The exit code is 0 when all are ready, else 1.',
  flags: {
    'Which:': [TAPS_NAMESPACE],
    'How:': [outputFlag(FORMS), WATCH],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': OTHER,
  },
  check: ({ values }) => checkForm(values.get('--output'), FORMS),
  run: async (typed, cluster, terminal) =>
    (await import('../taps/status.ts')).status(typed, cluster, terminal),
};
