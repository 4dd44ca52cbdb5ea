import { UsageError } from '#src/errors.ts';
import { ALL_NAMESPACES, OF_KUBECTL, OTHER, TAPS_NAMESPACE, TAPS_SELECTOR } from '../flags.ts';
import { checkForm, outputFlag, WATCH } from '../taps/forms.ts';
import type { CommandDefinition } from './command.ts';

const FORMS = ['wide', 'json', 'yaml', 'name'];

/** `kokotap list` */
export const LIST: CommandDefinition = {
  name: 'list',
  aliases: ['ls', 'get'],
  usage: '[-A] [-l SELECTOR] [-o FORM] [--watch]',
  about: 'lists taps, with their rates and losses',
  flags: {
    'Which:': [TAPS_NAMESPACE, ALL_NAMESPACES, TAPS_SELECTOR],
    'How:': [outputFlag(FORMS), WATCH],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': OTHER,
  },
  check: ({ args, values }) => {
    if (args[0] !== undefined) throw new UsageError(`kokotap list takes flags only, not "${args[0]}"`);
    checkForm(values.get('--output'), FORMS);
  },
  run: async (typed, cluster, terminal) => (await import('../taps/list.ts')).list(typed, cluster, terminal),
};
