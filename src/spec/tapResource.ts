import * as z from 'zod/mini';
import { copyFields, DEFAULT_MIRROR, type Tap, tapSchema } from './tap.ts';
import { labelSelector } from './selector.ts';
import { hexDigest } from './tapId.ts';
import { unicastAddress, wholeNumber } from './values.ts';
import { bytesPerSecond, durationSeconds, ONE_IN_PATTERN, oneIn, RATE_PATTERN } from './written.ts';

/** Where the API has taps. */
export const TAP_GROUP = 'kokotap.dev';
export const TAP_VERSION = 'v1alpha1';
export const TAP_KIND = 'Tap';

/** Endpoints that failing targets are named of in a status. */
export const MOST_FAILING = 10;

const WORKLOADS = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job'] as const;
const DIRECTIONS = ['Ingress', 'Egress', 'Both'] as const;
const MOST_INTERFACES = 8;
const MOST_FILTER_CHARACTERS = 1024;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MOST_NAME_CHARACTERS = 253;

/** The same sentence as the field of a tap has that this is one of. */
function sentenceOf(field: z.ZodMiniType): string {
  const sentence = z.globalRegistry.get(field)?.description;
  if (sentence === undefined) throw new Error('a field of a tap without a sentence');
  return `${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}.`;
}

function about<Schema extends z.ZodMiniType>(schema: Schema, sentence: string): Schema {
  return schema.check(z.describe(sentence));
}

const objectName = z.string().check(z.maxLength(MOST_NAME_CHARACTERS), z.regex(SUBDOMAIN));

/**
 * What a Tap of the API asks for. Its fields are those of a tap (`tap.ts`), in the words and forms of Kubernetes; what an OpenAPI
 * schema cannot say of them stands beside it as rules, in `tapDefinition.ts`.
 */
export const tapSpecSchema = z.object({
  targets: about(
    z.object({
      selector: about(
        z.optional(labelSelector),
        'The pods with these labels, now and later. An empty selector selects all pods of the namespace.',
      ),
      ref: about(
        z.optional(z.object({ kind: z.enum(WORKLOADS), name: objectName })),
        'The pods of this workload, now and later.',
      ),
    }),
    "The pods whose packets are copied: those of the Tap's own namespace. Pods with hostNetwork are not copied.",
  ),
  interfaces: about(
    z._default(
      z
        .array(z.string().check(z.minLength(1), z.maxLength(127), z.regex(/^[!-$&-.0-9;-~]+$/)))
        .check(z.minLength(1), z.maxLength(MOST_INTERFACES)),
      ['eth0'],
    ),
    'The interfaces of each target, by any of their names; all alone means every one, also those that come later.',
  ),
  direction: about(
    z._default(z.enum(DIRECTIONS), 'Both'),
    'Ingress is what the targets receive, Egress what they send.',
  ),
  filter: about(
    z.optional(z.string().check(z.minLength(1), z.maxLength(MOST_FILTER_CHARACTERS))),
    sentenceOf(copyFields.filter),
  ),
  snapLength: about(z.optional(wholeNumber(64, 65_535)), sentenceOf(copyFields.snapLengthBytes)),
  sample: about(
    z.optional(z.string().check(z.maxLength(9), z.regex(ONE_IN_PATTERN))),
    sentenceOf(copyFields.sampleOneIn),
  ),
  maxRate: about(
    z.optional(z.string().check(z.maxLength(16), z.regex(RATE_PATTERN))),
    'For each target, copy no more a second than, for example, 200mbit; the rest is counted, the pod never waits.',
  ),
  destination: about(
    z.object({
      nodeName: about(
        z.optional(objectName),
        'The node that gets the mirror interface. Whoever captures there sees all targets.',
      ),
      podRef: about(
        z.optional(z.object({ name: objectName })),
        "A pod of the Tap's namespace, such as Suricata, that gets the mirror interface in its network.",
      ),
      address: about(
        z.optional(z.string().check(z.minLength(2), z.maxLength(45))),
        'An address outside the cluster that ends the VXLAN itself. Each target has a VNI of its own.',
      ),
    }),
    'Where the copies go. It cannot be changed: make another Tap.',
  ),
  mirrorInterface: about(
    z._default(
      z.string().check(z.minLength(1), z.maxLength(15), z.regex(/^[!-$&-.0-9;-~]+$/)),
      DEFAULT_MIRROR,
    ),
    'The name of the interface at the destination that shows the copies.',
  ),
  duration: about(
    z.optional(z.string().check(z.maxLength(32), z.regex(/^(\d+h)?(\d+m)?(\d+s)?$/))),
    'How long the Tap copies from its creation on, for example 30m or 1h30m. Then it is Complete.',
  ),
  ttlSecondsAfterFinished: about(
    z.optional(wholeNumber(0, 2_147_483_647)),
    'How long a Tap that is Complete is kept. Without this it is kept until somebody deletes it.',
  ),
});

const condition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  observedGeneration: z.optional(z.int()),
  lastTransitionTime: z.string(),
});

/** What the controller says of a Tap. Counters of packets are not here, but in the metrics of the agents. */
export const tapStatusSchema = z.object({
  observedGeneration: about(z.optional(z.int()), 'The generation of the spec that this is about.'),
  conditions: about(
    z.optional(z.array(condition)),
    'Accepted: the spec is possible. Ready: all targets are copied. Complete: the duration is over.',
  ),
  targets: about(
    z.optional(z.object({ selected: z.int(), ready: z.int(), summary: z.string() })),
    'How many pods are selected, and of how many the packets are copied.',
  ),
  destination: about(z.optional(z.string()), 'Where the copies go, in one word.'),
  vniConfigMap: about(
    z.optional(z.string()),
    "The ConfigMap in the namespace of the Tap's pods that has the VNI of each target.",
  ),
  endsAt: about(z.optional(z.string()), 'When the duration is over.'),
  failing: about(
    z.optional(
      z.array(
        z.object({
          node: z.optional(z.string()),
          pod: z.optional(z.string()),
          reason: z.string(),
          message: z.string(),
        }),
      ),
    ),
    `The first ${MOST_FAILING} targets or pods of the tap that are not in order, and why.`,
  ),
});

export const tapResourceSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    generation: z._default(z.int(), 1),
    creationTimestamp: z.string(),
    deletionTimestamp: z.optional(z.string()),
    resourceVersion: z.optional(z.string()),
  }),
  spec: tapSpecSchema,
  status: z._default(tapStatusSchema, {}),
});

export type TapSpec = z.infer<typeof tapSpecSchema>;
export type TapStatus = z.infer<typeof tapStatusSchema>;
export type TapCondition = z.infer<typeof condition>;
export type TapResource = z.infer<typeof tapResourceSchema>;

/** The id that the pods of a Tap have in common, and `kokotap list` shows. */
export function tapResourceId(uid: string): string {
  return hexDigest(uid, 12);
}

/** What senders are told of a tap as it is. */
export type Copying = Pick<Tap, keyof typeof copyFields>;

/** The fields of a tap that a Tap's spec has in another form. What is wrong with them is said by {@link specProblem}. */
export function copyingOf({ interfaces, direction, filter, snapLength, sample, maxRate }: TapSpec): Copying {
  const directions = { Ingress: 'ingress', Egress: 'egress', Both: 'both' } as const;
  return {
    interfaces,
    direction: directions[direction],
    filter,
    snapLengthBytes: snapLength,
    sampleOneIn: sample === undefined ? undefined : oneIn(sample),
    maxBytesPerSecond: maxRate === undefined ? undefined : bytesPerSecond(maxRate),
  };
}

/** What is wrong with a spec that the API server took: by the same schema that checks a command line. Undefined: nothing. */
export function specProblem(spec: TapSpec): string | undefined {
  const { destination, mirrorInterface } = spec;
  const checks = [
    ...Object.entries(copyingOf(spec)).map(
      ([field, value]) => [field, copyFields[field as keyof typeof copyFields], value] as const, // oxlint-disable-line typescript/no-unsafe-type-assertion -- its own keys
    ),
    ['mirrorInterface', tapSchema.shape.mirrorInterface, mirrorInterface] as const,
    [
      'destination.address',
      z.optional(unicastAddress('a machine outside the cluster')),
      destination.address,
    ] as const,
    ['duration', tapSchema.shape.durationSeconds, secondsOf(spec)] as const,
  ];
  for (const [field, schema, value] of checks) {
    const result = z.safeParse(schema, value);
    if (!result.success) return `spec.${NAMES.get(field) ?? field}: ${result.error.issues[0]?.message}`;
  }
  if (spec.interfaces.includes(mirrorInterface))
    return `spec.mirrorInterface: ${JSON.stringify(mirrorInterface)} is one of spec.interfaces too: give another name`;
  return undefined;
}

/** How long a Tap copies; undefined: without end. */
export function secondsOf({ duration }: TapSpec): number | undefined {
  return duration === undefined ? undefined : durationSeconds(duration);
}

/** Fields whose name in the spec is another. */
const NAMES = new Map([
  ['snapLengthBytes', 'snapLength'],
  ['sampleOneIn', 'sample'],
  ['maxBytesPerSecond', 'maxRate'],
]);
