import { UsageError } from '#src/errors.ts';
import { OF_KUBECTL, OTHER, plain, TAPS_NAMESPACE } from '../flags.ts';
import { table } from '../table.ts';
import type { CommandDefinition } from './command.ts';
import { type ListedTap, listTaps } from './taps.ts';

const FORMS = ['wide', 'json', 'yaml', 'name'];

/** `kokotap list` */
export const LIST: CommandDefinition = {
  name: 'list',
  aliases: ['ls', 'get'],
  usage: '[-A] [-l SELECTOR] [-o wide|json|yaml|name]',
  about: 'lists taps by their pods',
  flags: {
    'Which:': [
      TAPS_NAMESPACE,
      plain('-A, --all-namespaces', 'of all namespaces'),
      plain('-l, --selector <selector>', 'only those whose pods have these labels'),
      { ...plain('-o, --output <form>', `one of ${FORMS.join(', ')}`), completes: FORMS },
    ],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': OTHER,
  },
  check: ({ args, values }) => {
    if (args[0] !== undefined) throw new UsageError(`kokotap list takes flags only, not "${args[0]}"`);
    const form = values.get('--output') ?? 'wide';
    if (!FORMS.includes(form))
      throw new UsageError(`--output "${form}" is not possible: give one of ${FORMS.join(', ')}`);
  },
  run: async ({ values }, { api, namespace }) => {
    const place = values.has('--all-namespaces')
      ? undefined
      : (values.get('--namespace') ?? (await namespace()));
    const taps = await listTaps(api, place, values.get('--selector'));
    return printed(taps, values.get('--output'));
  },
};

async function printed(taps: readonly ListedTap[], form: string | undefined): Promise<string> {
  const document = { apiVersion: 'kokotap.dev/v1alpha1', kind: 'TapList', items: taps };
  if (form === 'json') return `${JSON.stringify(document, undefined, 2)}\n`;
  // Loaded only here: help needs nothing of it.
  if (form === 'yaml') return (await import('../yaml.ts')).yamlDocuments([document]);
  if (form === 'name') return taps.map(({ id }) => `tap/${id}\n`).join('');
  const isWide = form === 'wide';
  const head = ['NAMESPACE', 'TAP', 'TARGET', 'DESTINATION', 'STATE', 'AGE', ...(isWide ? ['VNI'] : [])];
  const rows = taps.map((tap) => [
    tap.namespace,
    tap.id,
    tap.target,
    tap.destination,
    tap.state,
    age(tap.created),
    ...(isWide ? [String(tap.vni ?? '-')] : []),
  ]);
  return table([head, ...rows]);
}

/** As kubectl writes it: the largest unit that has more than one. */
function age(created: string): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(created)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
