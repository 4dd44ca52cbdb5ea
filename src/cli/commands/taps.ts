import * as z from 'zod/mini';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { DESTINATION_ANNOTATION, OWN_PREFIX, TAP_LABEL, TAP_SELECTOR, VNI_LABEL } from '#src/pods/labels.ts';

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

/** A tap as its pods show it. */
export interface ListedTap {
  readonly namespace: string;
  readonly id: string;
  /** `namespace/pod`. */
  readonly target: string;
  /** `node/NAME` or `ip/ADDRESS`. */
  readonly destination: string;
  readonly state: string;
  readonly vni: number | undefined;
  readonly created: string;
  readonly pods: readonly string[];
}

/** The taps whose pods are in a namespace, or in all. */
export async function listTaps(
  api: KubeApi,
  namespace: string | undefined,
  selector?: string,
): Promise<ListedTap[]> {
  const labelSelector = [TAP_SELECTOR, ...(selector === undefined ? [] : [selector])].join(',');
  const list = await api.get({ kind: 'pods', namespace, labelSelector }, listSchema);
  const byTap = Map.groupBy(list?.items ?? [], ({ metadata }) => {
    return `${metadata.namespace}/${metadata.labels?.[TAP_LABEL] ?? metadata.name}`;
  });
  return [...byTap].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, pods]) => tapOf(pods));
}

function tapOf(pods: readonly TapPod[]): ListedTap[] {
  const [first] = pods;
  if (first === undefined) return [];
  const { namespace, labels = {}, annotations = {}, creationTimestamp: created } = first.metadata;
  const destination = annotations[DESTINATION_ANNOTATION] ?? '?';
  const vni = labels[VNI_LABEL];
  return [
    {
      namespace,
      id: labels[TAP_LABEL] ?? '?',
      target: annotations[`${OWN_PREFIX}target`] ?? '?',
      destination,
      state: stateOf(pods, destination.startsWith('ip/') ? 1 : 2),
      vni: vni === undefined ? undefined : Number(vni),
      created,
      pods: pods.map(({ metadata }) => metadata.name),
    },
  ];
}

/** What is to be known first, in one word. */
function stateOf(pods: readonly TapPod[], expected: number): string {
  if (pods.some(({ metadata }) => metadata.deletionTimestamp !== undefined)) return 'Ending';
  const ended = pods.find(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
  if (ended !== undefined) return ended.status?.phase === 'Failed' ? 'Failed' : 'Ended';
  if (pods.length < expected) return 'Incomplete';
  const containers = pods.flatMap(({ status }) => status?.containerStatuses ?? []);
  const waiting = containers.flatMap(({ state }) => state?.waiting?.reason ?? []);
  if (waiting[0] !== undefined) return waiting[0];
  return containers.length === pods.length && containers.every(({ ready }) => ready) ? 'Ready' : 'NotReady';
}
