import * as z from 'zod/mini';
import { cgroupUid } from '#src/pods/cgroupUid.ts';
import { ENDPOINTS_ANNOTATION } from '#src/pods/endpointAnnotation.ts';
import { heldEndpoints } from '#src/pods/heldEndpoints.ts';
import { APP_NAME, APP_NAME_LABEL } from '#src/pods/labels.ts';
import { nodeSchema } from '#src/kube/schemas.ts';
import { MAX_VNI } from '#src/spec/vni.ts';

// What is kept in memory of the cluster's objects: of ten thousand pods, a few fields each.

const strings = z.optional(z.record(z.string(), z.string()));

const rawPod = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.optional(z.string()),
    labels: strings,
    annotations: strings,
    ownerReferences: z.optional(
      z.array(
        z.object({
          apiVersion: z.string(),
          kind: z.string(),
          name: z.string(),
          controller: z.optional(z.boolean()),
        }),
      ),
    ),
  }),
  spec: z.object({ nodeName: z.optional(z.string()), hostNetwork: z.optional(z.boolean()) }),
  status: z.optional(
    z.object({
      phase: z.optional(z.string()),
      reason: z.optional(z.string()),
      message: z.optional(z.string()),
      conditions: z.optional(z.array(z.object({ type: z.string(), status: z.string() }))),
      containerStatuses: z.optional(
        z.array(
          z.object({
            state: z.optional(
              z.object({
                waiting: z.optional(
                  z.object({ reason: z.optional(z.string()), message: z.optional(z.string()) }),
                ),
              }),
            ),
            lastState: z.optional(
              z.object({ terminated: z.optional(z.object({ message: z.optional(z.string()) })) }),
            ),
          }),
        ),
      ),
    }),
  ),
});

/** A pod that may be tapped. */
export interface TargetPod {
  readonly kind: 'target';
  readonly namespace: string;
  readonly name: string;
  /** By which its node knows it. */
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The workload of Kubernetes' own that has made it. */
  readonly owner: { readonly kind: string; readonly name: string } | undefined;
  /** Undefined: it has none yet. */
  readonly node: string | undefined;
  readonly hostNetwork: boolean;
  /** It has no network any more. */
  readonly hasEnded: boolean;
  readonly created: string;
  /** Of a pod of the command line's taps: its VNIs, by the ids of its endpoints. */
  readonly vnis: ReadonlyMap<string, number>;
}

/** A pod that the controller has made. */
export interface TapPod {
  readonly kind: 'tap pod';
  readonly name: string;
  readonly uid: string;
  readonly tapUid: string;
  readonly role: 'sender' | 'receiver';
  readonly node: string;
  /** What its spec was made of. */
  readonly form: string;
  /** The list of its endpoints, as it is in its annotation. */
  readonly endpoints: string;
  /** The VNIs in that list, by the ids of the endpoints. */
  readonly vnis: ReadonlyMap<string, number>;
  /** Since when the list is empty, in the milliseconds of the epoch. */
  readonly emptySinceMs: number | undefined;
  readonly isEnding: boolean;
  readonly hasEnded: boolean;
  readonly isReady: boolean;
  /** Why it does not run, or did not. */
  readonly trouble: { readonly reason: string; readonly message: string } | undefined;
}

export type KnownPod = TargetPod | TapPod;

/** Labels and annotations of the pods that the controller makes. */
export const TAP_UID_LABEL = 'kokotap.dev/tap-uid';
export const EMPTY_ANNOTATION = 'kokotap.dev/empty-since';
export const FORM_ANNOTATION = 'kokotap.dev/form';
export const MANAGER = 'kokotap-controller';
const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
const COMPONENT_LABEL = 'app.kubernetes.io/component';

/**
 * Reads a pod of the API. Only what is in the namespace of the taps' pods can be one of these: elsewhere anybody may write
 * the same labels.
 */
export function readPod(object: unknown, ownNamespace: string): KnownPod | undefined {
  const parsed = rawPod.safeParse(object);
  if (!parsed.success) return undefined;
  const { metadata, spec, status } = parsed.data;
  const { labels = {}, annotations = {} } = metadata;
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const tapUid = labels[TAP_UID_LABEL];
  const role = labels[COMPONENT_LABEL];
  if (
    metadata.namespace === ownNamespace &&
    labels[MANAGED_BY_LABEL] === MANAGER &&
    tapUid !== undefined &&
    (role === 'sender' || role === 'receiver')
  )
    return {
      kind: 'tap pod',
      name: metadata.name,
      uid: metadata.uid,
      tapUid,
      role,
      node: spec.nodeName ?? '',
      form: annotations[FORM_ANNOTATION] ?? '',
      endpoints: annotations[ENDPOINTS_ANNOTATION] ?? '',
      vnis: vnisOf(metadata),
      emptySinceMs: timeOf(annotations[EMPTY_ANNOTATION]),
      isEnding: metadata.deletionTimestamp !== undefined,
      hasEnded,
      isReady: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
      trouble: troubleOf(status),
    };
  return {
    kind: 'target',
    namespace: metadata.namespace,
    name: metadata.name,
    uid: cgroupUid(parsed.data),
    labels,
    owner: ownerOf(metadata.ownerReferences),
    node: spec.nodeName,
    hostNetwork: spec.hostNetwork === true,
    hasEnded,
    created: metadata.creationTimestamp,
    vnis: labels[APP_NAME_LABEL] === APP_NAME ? foreignVnisOf(metadata) : NO_VNIS,
  };
}

/** Other API groups have workloads of the same kinds. */
const WORKLOADS = new Set(['apps/v1', 'batch/v1']);

function ownerOf(references: z.infer<typeof rawPod>['metadata']['ownerReferences']): TargetPod['owner'] {
  const found = references?.find(
    ({ apiVersion, controller }) => controller === true && WORKLOADS.has(apiVersion),
  );
  return found && { kind: found.kind, name: found.name };
}

/** All pods that are of no tap share it. */
const NO_VNIS: ReadonlyMap<string, number> = new Map();

function vnisOf(metadata: z.infer<typeof rawPod>['metadata']): ReadonlyMap<string, number> {
  return new Map(
    heldEndpoints(metadata).flatMap(({ id, vni }): [string, number][] =>
      vni === undefined || vni < 1 || vni > MAX_VNI ? [] : [[id, vni]],
    ),
  );
}

/** Anybody may write an annotation of 256 KiB: of a pod that the controller did not make so many VNIs are believed. */
const MOST_FOREIGN_VNIS = 50;

function foreignVnisOf(metadata: z.infer<typeof rawPod>['metadata']): ReadonlyMap<string, number> {
  return new Map([...vnisOf(metadata)].slice(0, MOST_FOREIGN_VNIS));
}

function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function troubleOf(status: z.infer<typeof rawPod>['status']): TapPod['trouble'] {
  const { phase, reason, message } = status ?? {};
  if (phase === 'Failed') return { reason: reason ?? 'Failed', message: message ?? 'the pod has failed' };
  for (const { state, lastState } of status?.containerStatuses ?? []) {
    const { waiting } = state ?? {};
    if (waiting?.reason === undefined || waiting.reason === 'ContainerCreating') continue;
    const last = lastState?.terminated?.message ?? '';
    return { reason: waiting.reason, message: last || waiting.message || waiting.reason };
  }
  return undefined;
}

const rawNode = z.object({
  metadata: z.object({ name: z.string(), labels: strings }),
  spec: z.optional(z.object({ unschedulable: z.optional(z.boolean()) })),
  status: nodeSchema.shape.status,
});

/** A node, without what its heartbeats change. */
export interface KnownNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isReady: boolean;
  readonly isCordoned: boolean;
  readonly internal: readonly string[];
  readonly external: readonly string[];
  readonly architecture: string;
  readonly system: string;
  readonly kernel: string;
  readonly kubelet: string;
}

/** Reads a node of the API. */
export function readNode(object: unknown): KnownNode | undefined {
  const parsed = rawNode.safeParse(object);
  if (!parsed.success) return undefined;
  const { metadata, spec, status } = parsed.data;
  const addresses = (wanted: string) =>
    (status?.addresses ?? []).filter(({ type }) => type === wanted).map(({ address }) => address);
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    isReady: status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True',
    isCordoned: spec?.unschedulable === true,
    internal: addresses('InternalIP'),
    external: addresses('ExternalIP'),
    architecture: status?.nodeInfo?.architecture ?? '',
    system: status?.nodeInfo?.operatingSystem ?? '',
    kernel: status?.nodeInfo?.kernelVersion ?? '',
    kubelet: status?.nodeInfo?.kubeletVersion ?? '',
  };
}
