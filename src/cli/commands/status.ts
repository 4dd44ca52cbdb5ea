import { UsageError } from '#src/errors.ts';
import { ALL_NAMESPACES, OF_KUBECTL, OTHER, TAPS_NAMESPACE, TAPS_SELECTOR } from '../flags.ts';
import { checkForm, outputFlag, WATCH } from '../taps/forms.ts';
import type { CommandDefinition, Typed } from './command.ts';

/** As `kokotap list` has them. */
const TAP_ID = /^(?:tap\/)?[0-9a-f]{12}$/u;

const FORMS = ['json', 'yaml'];

/** `kokotap status` */
export const STATUS: CommandDefinition = {
  name: 'status',
  aliases: [],
  completes: 'taps',
  usage: '[TAP|TARGET...] [-A] [-l SELECTOR] [-o FORM]',
  about: 'shows both ends of taps, and their counts',
  details:
    'TAP is an id as kokotap list shows it; TARGET is a pod, or deploy/NAME, sts/, ds/, rs/, job/, svc/ or node/. Without either, all taps of the namespace are shown. With -A there are no TARGETs. The exit code is 0 when all are ready, else 1.',
  flags: {
    'Which:': [TAPS_NAMESPACE, ALL_NAMESPACES, TAPS_SELECTOR],
    'How:': [outputFlag(FORMS), WATCH],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': OTHER,
  },
  check: (typed) => {
    checkForm(typed.values.get('--output'), FORMS);
    checkOfAllNamespaces(typed);
  },
  run: async (typed, cluster, terminal) =>
    (await import('../taps/status.ts')).status(typed, cluster, terminal),
};

/** @throws {UsageError} where a target is named, whose namespace is not known */
export function checkOfAllNamespaces({ args, values }: Typed): void {
  const target = values.has('--all-namespaces') ? args.find((word) => !TAP_ID.test(word)) : undefined;
  if (target !== undefined)
    throw new UsageError(`Target "${target}" is of one namespace: give -n in place of -A, or a tap's id`);
}
