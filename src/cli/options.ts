import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { compareQuantities } from '#src/spec/quantity.ts';
import { containerResources } from '#src/spec/resources.ts';
import { type Tap, tapSchema } from '#src/spec/tap.ts';
import { requestTimeoutMs } from '#src/kube/requestTimeout.ts';
import type { GivenFlag } from './givenFlags.ts';
import type { Flag } from './flags.ts';
import { quote } from './text.ts';

/** What a command line asks for. */
export interface Options {
  readonly tap: Omit<Tap, 'namespace'> & {
    /** Undefined: that of the context. */
    readonly namespace: string | undefined;
  };
  readonly cluster: ClusterOptions;
}

/** How the cluster is reached. */
export interface ClusterOptions {
  /** The program; undefined: the one of the environment. */
  readonly kubectl: string | undefined;
  /** Those of kubectl. */
  readonly flags: readonly string[];
  /** Of one request; 0: without end. */
  readonly timeoutMs: number;
  /** The flags name no namespace. */
  readonly wantsNamespace: boolean;
}

/**
 * Checks the flags of a tap, as far as that is possible without the cluster.
 *
 * @throws {UsageError} for the first flag that is missing or wrong.
 */
export function checkOptions(given: readonly GivenFlag[]): Options {
  const values = valuesOf(given);
  if (!values.has('pod')) throw new UsageError('--pod is missing: name the pod whose packets are copied');
  const settings = checkSettings(values, destinationOf(values));
  const tap = z.parse(tapSchema, { ...settings, pod: values.get('pod'), namespace: values.get('namespace') });
  checkDestination(tap, values);
  const namespace = values.has('namespace') ? tap.namespace : undefined;
  return { tap: { ...tap, namespace }, cluster: clusterOptions(given) };
}

/** What a tap is but for its target. */
export type TapSettings = Omit<Tap, 'pod' | 'namespace'>;

/** What flags that set fields of a tap stand for, by these fields. */
export type FieldValues = ReadonlyMap<Flag['field'], unknown>;

/** @throws {UsageError} for the first flag that is wrong. */
export function valuesOf(given: readonly GivenFlag[]): FieldValues {
  return new Map(given.map((each) => [each.flag.field, checked(each)]));
}

/**
 * Checks flags of a tap together.
 *
 * @param destination as the tap has it, not checked yet
 * @throws {UsageError} for what cannot go together.
 */
export function checkSettings(values: FieldValues, destination: unknown): TapSettings {
  const fields = [...values].filter(([field]) => field !== undefined && field in settingsSchema.shape);
  const settings = z.parse(settingsSchema, { ...Object.fromEntries(fields), destination });
  if ('address' in settings.destination && settings.destinationAddress !== undefined)
    throw new UsageError(
      "--dest-address is an address of the destination's node: leave it out, for the destination is outside the cluster",
    );
  if (settings.interfaces.includes(settings.mirrorInterface)) {
    throw new UsageError(
      `--ifname and --pod-ifname both name ${quote(settings.mirrorInterface)}, but both interfaces are in the pod: give another --ifname`,
    );
  }
  refuseRequestsAboveLimits(settings);
  return settings;
}

const settingsSchema = z.omit(tapSchema, { pod: true, namespace: true });

/** How the cluster is reached, by flags that every command has. */
export function clusterOptions(given: readonly GivenFlag[]): ClusterOptions {
  const textOf = (flag: string) => given.find(({ name }) => name === flag)?.text;
  return {
    kubectl: textOf('--kubectl'),
    flags: given
      .filter(({ flag }) => flag.isOfKubectl)
      .map(({ name, text }) => (text === undefined ? name : `${name}=${text}`)),
    timeoutMs: requestTimeoutMs(textOf('--request-timeout')),
    wantsNamespace: textOf('--namespace') === undefined,
  };
}

/**
 * What the flag's text stands for.
 *
 * @throws {UsageError} if that is not possible
 */
export function checked({ flag, name, text }: GivenFlag): unknown {
  if (text === undefined) return true;
  const { schema, read = (written: string) => written, advice } = flag;
  const result = z.safeParse(schema, read(text));
  if (result.success) return result.data;
  throw new UsageError(
    `${name} ${quote(text)} is not possible: ${advice ?? result.error.issues[0]?.message}`,
  );
}

function destinationOf(values: FieldValues): object {
  const namespace = values.get('destinationNamespace');
  const given = [
    { flag: '--dest-node', value: values.get('destinationNode'), destination: (node: unknown) => ({ node }) },
    {
      flag: '--dest-pod',
      value: values.get('destinationPod'),
      destination: (pod: unknown) => ({ pod, namespace }),
    },
    {
      flag: '--dest-ip',
      value: values.get('externalAddress'),
      destination: (address: unknown) => ({ address }),
    },
  ].filter(({ value }) => value !== undefined);
  const [first, second] = given;
  if (first === undefined)
    throw new UsageError('The destination is missing: give --dest-node, --dest-pod or --dest-ip');
  if (second !== undefined)
    throw new UsageError(`${first.flag} and ${second.flag} exclude each other: give one of them`);
  return first.destination(first.value);
}

function checkDestination(tap: Tap, values: FieldValues): void {
  const { destination } = tap;
  if (!('pod' in destination)) {
    if (values.has('destinationNamespace'))
      throw new UsageError('--dest-namespace is the namespace of --dest-pod: give that too');
    return;
  }
  // Without --namespace the target's is known only later.
  const isSameNamespace =
    destination.namespace === undefined || destination.namespace === values.get('namespace');
  if (destination.pod === tap.pod && isSameNamespace)
    throw new UsageError(
      `--dest-pod and --pod both name ${quote(tap.pod)}: give another --dest-pod, or capture in the pod itself`,
    );
}

function refuseRequestsAboveLimits(settings: TapSettings): void {
  const { requests, limits } = containerResources(settings);
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit !== undefined && compareQuantities(request, limit) > 0)
      throw new UsageError(
        `--requests ${name}=${request} is more than --limits ${name}=${limit}: give at most that`,
      );
  }
}
