import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { tapSchema } from '#src/spec/tap.ts';
import { imageReference, labelName } from '#src/spec/values.ts';
import { parseDestination } from '../create/destinationWord.ts';
import type { DoctorOptions } from '../doctor/doctor.ts';
import { type Flag, OF_KUBECTL, OTHER, plain } from '../flags.ts';
import { checked } from '../options.ts';
import { parseTarget } from '../targets/targetWord.ts';
import { withoutEqualsSign } from '../values.ts';
import type { CommandDefinition, Typed } from './command.ts';

const NAMESPACE: Flag = {
  ...plain('-n, --namespace <name>', 'namespace of the targets', "the context's"),
  schema: labelName,
  read: withoutEqualsSign,
  completes: 'namespaces',
};
const TO: Flag = {
  ...plain('--to <destination>', 'where the copies of a tap would go: node/NAME, pod/NAME or ip/ADDRESS'),
  completes: 'destinations',
};
const PLACE: Flag = {
  ...plain('--tap-namespace <name>', 'namespace of the pods', "kokotap if there is one, else the targets'"),
  schema: labelName,
  completes: 'namespaces',
};
const IMAGE: Flag = { ...plain('--image <image>', 'their image'), schema: imageReference };
const PROBE: Flag = {
  ...plain('--probe', 'make a tap that copies nothing, ask the nodes, and take it away'),
  schema: z.boolean(),
};
const FORM: Flag = { ...plain('-o, --output <form>', 'json'), schema: z.enum(['json'], 'give json') };

/** `kokotap doctor` */
export const DOCTOR: CommandDefinition = {
  name: 'doctor',
  aliases: [],
  usage: '[TARGET...] [--to DESTINATION] [--probe]',
  about: 'says what would stop a tap or a capture',
  details:
    'Each finding is ok, warn or fail, with a code, a reason and a command that mends it. Nothing is made without --probe. The exit code is 1 where one is fail.',
  completes: 'targets',
  flags: {
    'What:': [NAMESPACE, TO, PROBE],
    'Pods that would be made:': [PLACE, IMAGE],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': [FORM, ...OTHER],
  },
  example: `
Example: may I tap this Deployment, and can its copies get to node-b?
  $ kokotap doctor deploy/web --to=node/node-b`,
  check: (typed) => void readOptions(typed),
  run: async (typed, cluster, terminal) => {
    // Loaded only here: help needs nothing of it.
    const { diagnose } = await import('../doctor/doctor.ts');
    return diagnose(readOptions(typed), cluster, terminal);
  },
};

/** @throws {UsageError} for the first that is wrong */
function readOptions({ args, given }: Typed): DoctorOptions {
  const textOf = (flag: Flag): string | undefined => {
    const found = given.find((each) => each.flag === flag);
    const value = found === undefined ? undefined : checked(found);
    return typeof value === 'string' ? value : undefined;
  };
  const to = textOf(TO);
  const probes = given.some(({ flag }) => flag === PROBE);
  if (probes && (args.length === 0 || to === undefined))
    throw new UsageError(
      '--probe makes a tap: name a target and its destination, such as web --to=node/NAME',
    );
  return {
    words: args.map(parseTarget),
    to: to === undefined ? undefined : parseDestination(to),
    namespace: textOf(NAMESPACE),
    tapNamespace: textOf(PLACE),
    image: textOf(IMAGE) ?? z.parse(tapSchema.shape.image, undefined),
    isJson: textOf(FORM) !== undefined,
    probes,
  };
}
