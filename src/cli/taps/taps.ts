import * as z from 'zod/mini';
import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { type HeldEndpoint, heldEndpoints } from '#src/pods/heldEndpoints.ts';
import { DESTINATION_ANNOTATION, ROLE_LABEL, TAP_LABEL, TAP_SELECTOR, targetsIn } from '#src/pods/labels.ts';
import { isAbandoned } from '#src/pods/unconfirmed.ts';
import type { TapItem } from './tapList.ts';
import { OWN_NAMESPACE } from '../podsNamespace.ts';

const strings = z.optional(z.record(z.string(), z.string()));

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.optional(z.string()),
    labels: strings,
    annotations: strings,
  }),
  spec: z.object({ nodeName: z.optional(z.string()) }),
  status: z.optional(
    z.object({
      phase: z.optional(z.string()),
      containerStatuses: z.optional(
        z.array(
          z.object({
            ready: z.boolean(),
            state: z.optional(
              z.object({ waiting: z.optional(z.object({ reason: z.optional(z.string()) })) }),
            ),
          }),
        ),
      ),
    }),
  ),
});

const listSchema = z.object({ items: z.array(podSchema) });

type TapPod = z.infer<typeof podSchema>;

/** A pod of a tap. */
export interface ListedPod {
  readonly name: string;
  readonly role: string;
  readonly node: string;
  /** Its agent can be asked. */
  readonly isRunning: boolean;
  readonly endpoints: readonly HeldEndpoint[];
}

/** A tap as its pods show it. */
export interface ListedTap {
  /** Of its pods. */
  readonly namespace: string;
  readonly id: string;
  /** Each `pod/NAMESPACE/NAME` or `node/NAME`; of the resource only `tap/NAMESPACE/NAME`. */
  readonly targets: readonly string[];
  /** `node/NAME`, `pod/NAMESPACE/NAME` or `ip/ADDRESS`. */
  readonly destination: string;
  readonly state: string;
  /** Of each target that is on another node than the destination. */
  readonly vnis: readonly number[];
  readonly created: string;
  readonly pods: readonly ListedPod[];
}

/** A tap as it is given to programs. */
export function itemOf({ pods, targets, vnis, ...tap }: ListedTap): TapItem {
  return {
    ...tap,
    targets: [...targets],
    vnis: [...vnis],
    targetVnis: pods.flatMap(({ endpoints }) =>
      endpoints.flatMap(({ target, vni }) =>
        target === undefined || vni === undefined ? [] : [{ target, vni }],
      ),
    ),
    pods: pods.map(({ name, role, node }) => ({ name, role, node })),
  };
}

/** Which taps are meant. */
export interface TapQuery {
  /** Of their pods or of their targets; undefined: any. */
  readonly namespace: string | undefined;
  /** Of their pods, as `kubectl -l` takes it. */
  readonly selector?: string | undefined;
}

/** The taps of a namespace, by their pods or by their targets, or of all. */
export async function listTaps(api: KubeApi, { namespace, selector }: TapQuery): Promise<ListedTap[]> {
  const labelSelector = [TAP_SELECTOR, ...(selector === undefined ? [] : [selector])].join(',');
  const pods = await tapPods(api, labelSelector, namespace);
  const byTap = Map.groupBy(pods, ({ metadata }) => {
    return `${metadata.namespace}/${metadata.labels?.[TAP_LABEL] ?? metadata.name}`;
  });
  const taps = [...byTap].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, each]) => tapOf(each));
  return taps.filter(
    (tap) =>
      namespace === undefined ||
      tap.namespace === namespace ||
      tap.targets.some((target) => namespaceOf(target) === namespace),
  );
}

/** Undefined: the target is a node. */
function namespaceOf(target: string): string | undefined {
  const [kind, namespace] = target.split('/');
  return kind === 'node' ? undefined : namespace;
}

/**
 * The Tap, as `kubectl` calls it, whose controller made the pods; undefined: the command line made them. Only pods in the
 * controller's namespace are believed: elsewhere anybody may write that they are of somebody else's Tap.
 */
export function resourceOf({
  namespace: place,
  targets: [target = ''],
}: Pick<ListedTap, 'namespace' | 'targets'>):
  | { readonly namespace: string; readonly name: string }
  | undefined {
  const [kind, namespace, name] = target.split('/');
  return place === OWN_NAMESPACE && kind === 'tap' && namespace !== undefined && name !== undefined
    ? { namespace, name }
    : undefined;
}

/** Those of the cluster. Who may not see all of them sees those of the namespace, and of kokotap's own. */
async function tapPods(
  api: KubeApi,
  labelSelector: string,
  namespace: string | undefined,
): Promise<readonly TapPod[]> {
  const list = async (place: string | undefined) =>
    (await api.get({ kind: 'pods', namespace: place, labelSelector }, listSchema))?.items ?? [];
  try {
    return await list(undefined);
  } catch (error) {
    if (namespace === undefined || !(error instanceof ForbiddenError)) throw error;
  }
  const own = list(OWN_NAMESPACE).catch((error: unknown) => {
    if (error instanceof ForbiddenError) return [];
    throw error;
  });
  const found = await Promise.all([list(namespace), ...(namespace === OWN_NAMESPACE ? [] : [own])]);
  return found.flat();
}

function tapOf(all: readonly TapPod[]): ListedTap[] {
  const [first] = all;
  if (first === undefined) return [];
  const { namespace, labels = {}, annotations = {}, creationTimestamp: created } = first.metadata;
  const destination = annotations[DESTINATION_ANNOTATION] ?? '?';
  const targets = targetsIn(annotations);
  const pods = all.toSorted(sendersFirst).map(({ metadata, spec, status }) => ({
    name: metadata.name,
    role: metadata.labels?.[ROLE_LABEL] ?? '?',
    node: spec.nodeName ?? '?',
    isRunning: status?.phase === 'Running' && metadata.deletionTimestamp === undefined,
    endpoints: heldEndpoints(metadata, spec.nodeName),
  }));
  const held = pods.flatMap(({ endpoints }) => endpoints);
  return [
    {
      namespace,
      id: labels[TAP_LABEL] ?? '?',
      targets,
      destination,
      state: stateOf(all, isWhole(pods, targets, destination)),
      vnis: [...new Set(held.flatMap(({ vni }) => vni ?? []))].toSorted((one, other) => one - other),
      created,
      pods,
    },
  ];
}

/** Whether a tap has a sender for each of its targets, and a receiver where there is to be one. */
function isWhole(pods: readonly ListedPod[], targets: readonly string[], destination: string): boolean {
  const idsOf = (wanted: string) =>
    pods.flatMap(({ role, endpoints }) => (role === wanted ? endpoints.map(({ id }) => id) : []));
  const sent = new Set(idsOf('sender'));
  const hasReceiver = destination.startsWith('ip/') || pods.some(({ role }) => role === 'receiver');
  return (
    hasReceiver &&
    pods.some(({ role }) => role === 'sender') &&
    sent.size >= targets.length &&
    idsOf('receiver').every((id) => sent.has(id))
  );
}

function sendersFirst(one: TapPod, other: TapPod): number {
  return Number(isSender(other)) - Number(isSender(one));
}

function isSender({ metadata }: TapPod): boolean {
  return metadata.labels?.[ROLE_LABEL] === 'sender';
}

/** What is to be known first, in one word. */
function stateOf(pods: readonly TapPod[], hasAll: boolean): string {
  if (pods.some(({ metadata }) => metadata.deletionTimestamp !== undefined)) return 'Ending';
  const ended = pods.find(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
  if (ended !== undefined) return ended.status?.phase === 'Failed' ? 'Failed' : 'Ended';
  if (pods.some(({ metadata }) => isAbandoned(metadata, Date.now()))) return 'Abandoned';
  if (!hasAll) return 'Incomplete';
  const containers = pods.flatMap(({ status }) => status?.containerStatuses ?? []);
  const waiting = containers.flatMap(({ state }) => state?.waiting?.reason ?? []);
  if (waiting[0] !== undefined) return waiting[0];
  return containers.length === pods.length && containers.every(({ ready }) => ready) ? 'Ready' : 'NotReady';
}
