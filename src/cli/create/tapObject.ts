import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { TAP_GROUP, TAP_KIND, TAP_VERSION, type TapSpec, tapSpecSchema } from '#src/spec/tapResource.ts';
import type { GivenFlag } from '../givenFlags.ts';
import type { Flag } from '../flags.ts';
import type { TapSettings } from '../options.ts';
import type { TargetWord, Workload } from '../targets/targetWord.ts';
import { quote } from '../text.ts';
import { parseSelector } from './selectorText.ts';

/** The object that `kokotap create --persistent` makes. */
export interface TapObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Without a name the API server gives one. */
  readonly metadata: { readonly name: string } | { readonly generateName: string };
  readonly spec: object;
}

export interface TapWish {
  readonly words: readonly TargetWord[];
  readonly labels: string | undefined;
  readonly settings: TapSettings;
  readonly given: readonly GivenFlag[];
  /** Undefined: that of the workload. */
  readonly name: string | undefined;
}

/** The flags that a Tap has a field for. */
const FIELDS = new Set<Flag['field']>([
  'interfaces',
  'direction',
  'filter',
  'snapLengthBytes',
  'sampleOneIn',
  'maxBytesPerSecond',
  'mirrorInterface',
  'durationSeconds',
]);

const KINDS = new Map<Workload, NonNullable<TapSpec['targets']['ref']>['kind']>([
  ['deployments', 'Deployment'],
  ['statefulsets', 'StatefulSet'],
  ['daemonsets', 'DaemonSet'],
  ['replicasets', 'ReplicaSet'],
  ['jobs', 'Job'],
]);

/**
 * The Tap that a command line asks for.
 *
 * @throws {UsageError} for what no Tap can be
 */
export function tapObject({ words, labels, settings, given, name }: TapWish): TapObject {
  const strange = given.find(({ flag }) => flag.field !== undefined && !FIELDS.has(flag.field));
  if (strange !== undefined)
    throw new UsageError(
      `${strange.name} does not go with --persistent: the controller makes the pods, as it was installed to`,
    );
  const targets = targetsOf(words, labels);
  const { direction, interfaces, filter, mirrorInterface } = settings;
  const { snapLengthBytes, sampleOneIn, maxBytesPerSecond, durationSeconds } = settings;
  const spec = z.parse(tapSpecSchema, {
    targets,
    interfaces: [...interfaces],
    direction: `${direction.slice(0, 1).toUpperCase()}${direction.slice(1)}`,
    filter,
    snapLength: snapLengthBytes,
    sample: sampleOneIn === undefined ? undefined : `1/${sampleOneIn}`,
    maxRate: maxBytesPerSecond === undefined ? undefined : `${maxBytesPerSecond * 8}bit`,
    destination: destinationOf(settings),
    mirrorInterface,
    duration: durationSeconds === undefined ? undefined : `${durationSeconds}s`,
  });
  const chosen = name ?? targets.ref?.name;
  return {
    apiVersion: `${TAP_GROUP}/${TAP_VERSION}`,
    kind: TAP_KIND,
    metadata: chosen === undefined ? { generateName: 'tap-' } : { name: chosen },
    // Without what is undefined.
    spec: JSON.parse(JSON.stringify(spec)),
  };
}

function targetsOf(words: readonly TargetWord[], labels: string | undefined): TapSpec['targets'] {
  const [word, ...others] = words;
  if (word === undefined && labels !== undefined) return { selector: parseSelector(labels) };
  if (word === undefined || others.length > 0 || labels !== undefined)
    throw new UsageError('--persistent takes one workload, such as deploy/web, or -l with labels');
  const kind = word.kind === 'workload' ? KINDS.get(word.resource) : undefined;
  if (kind === undefined)
    throw new UsageError(
      `${quote(word.name)} cannot be followed by --persistent: name a deploy, sts, ds, rs or job, or give -l with labels`,
    );
  return { ref: { kind, name: word.name } };
}

function destinationOf({ destination }: TapSettings): TapSpec['destination'] {
  if ('node' in destination) return { nodeName: destination.node };
  if ('address' in destination) return { address: destination.address };
  if (destination.namespace !== undefined)
    throw new UsageError(
      'With --persistent a destination pod is in the namespace of the targets: give --to=pod/NAME',
    );
  return { podRef: { name: destination.pod } };
}
