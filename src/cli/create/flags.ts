import * as z from 'zod/mini';
import { destinationFields } from '#src/spec/tap.ts';
import { labelName, wholeNumber } from '#src/spec/values.ts';
import { type Flag, FLAG_GROUPS, type FlagGroups, OF_KUBECTL, OTHER, plain, REQUIRED } from '../flags.ts';
import { durationSeconds } from '#src/spec/written.ts';
import { withoutEqualsSign } from '../values.ts';

/** How `kokotap create` prints what it made. */
export const FORMS = ['name', 'yaml', 'json'] as const;

/** The flags of `kokotap create` that are no tap's. */
export const CREATE_FLAGS = {
  namespace: {
    ...plain('-n, --namespace <name>', 'namespace of the targets', "the context's"),
    schema: labelName,
    read: withoutEqualsSign,
    completes: 'namespaces',
  },
  selector: plain('-l, --selector <labels>', 'pods with these labels, as for kubectl'),
  to: {
    ...plain(
      '--to <destination>',
      'where the copies go: node/NAME, pod/NAME (also pod/NAMESPACE/NAME) or ip/ADDRESS',
      REQUIRED,
    ),
    completes: 'destinations',
  },
  noWait: {
    ...plain('--no-wait', 'do not wait until copies can flow'),
    schema: z.boolean(),
  },
  timeout: {
    ...plain('--timeout <time>', 'how long that may take', '60s'),
    schema: wholeNumber(1, 2_147_483),
    read: durationSeconds,
    advice: 'give whole hours, minutes and seconds such as 90s or 1h30m',
  },
  persistent: {
    ...plain('--persistent', 'make a Tap, which a controller in the cluster keeps: it follows the targets'),
    schema: z.boolean(),
  },
  name: {
    ...plain('--name <name>', 'name of that Tap', "the workload's"),
    schema: destinationFields.pod,
  },
  dryRun: { ...plain('--dry-run', 'make nothing'), schema: z.boolean() },
  output: {
    ...plain('-o, --output <form>', `print what is made as ${FORMS.join(', ')}`),
    schema: z.enum(FORMS, `give one of ${FORMS.join(', ')}`),
  },
  quiet: plain('-q, --quiet', 'say nothing but what goes wrong'),
} as const satisfies Record<string, Flag>;

/** What the target words and `--to` say instead. */
const SAID_OTHERWISE = new Set<Flag['field']>([
  'pod',
  'namespace',
  'destinationNode',
  'destinationPod',
  'destinationNamespace',
  'externalAddress',
]);

const podsPlace: Flag = {
  ...plain(
    '--tap-namespace <name>',
    "namespace of the tap's pods",
    "kokotap if there is one, else the target's",
  ),
  schema: labelName,
  field: 'tapNamespace',
  completes: 'namespaces',
};

const { namespace, selector, to, persistent, name, noWait, timeout, dryRun, output, quiet } = CREATE_FLAGS;

/** All of them, in the order of help. */
export const CREATE_GROUPS: FlagGroups = {
  'Target:': [namespace, selector, ...ofTap('Target:')],
  'Destination:': [to],
  'Mirror:': ofTap('Mirror:'),
  "Tap's pods:": [podsPlace, ...ofTap("Tap's pods:").filter(({ field }) => field !== 'tapNamespace')],
  'What is done:': [persistent, name, noWait, timeout, dryRun, output],
  'Cluster, by flags of kubectl:': OF_KUBECTL,
  'Other:': [quiet, ...OTHER],
};

function ofTap(group: string): readonly Flag[] {
  return (FLAG_GROUPS[group] ?? []).filter(({ field }) => !SAID_OTHERWISE.has(field));
}
