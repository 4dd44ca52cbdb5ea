import * as z from 'zod/mini';

// Only the fields that kokotap needs; the API's other fields are dropped.

const named = z.object({ name: z.string() });
const strings = z.optional(z.record(z.string(), z.string()));

export const podSchema = z.object({
  metadata: z.object({
    uid: z.string(),
    annotations: strings,
    ownerReferences: z.optional(z.array(z.object({ kind: z.string(), name: z.string() }))),
    deletionTimestamp: z.optional(z.string()),
  }),
  spec: z.object({
    nodeName: z.optional(z.string()),
    hostNetwork: z.optional(z.boolean()),
    containers: z.array(named),
    initContainers: z.optional(z.array(named)),
    ephemeralContainers: z.optional(z.array(named)),
  }),
  status: z.optional(
    z.object({
      phase: z.optional(z.string()),
      initContainerStatuses: z.optional(
        z.array(z.object({ state: z.optional(z.object({ running: z.optional(z.unknown()) })) })),
      ),
    }),
  ),
});

export const nodeSchema = z.object({
  metadata: z.optional(z.object({ labels: strings })),
  status: z.optional(
    z.object({
      addresses: z.optional(z.array(z.object({ type: z.string(), address: z.string() }))),
      conditions: z.optional(z.array(z.object({ type: z.string(), status: z.string() }))),
      nodeInfo: z.optional(
        z.object({
          kubeletVersion: z.string(),
          architecture: z.optional(z.string()),
          operatingSystem: z.optional(z.string()),
          kernelVersion: z.optional(z.string()),
        }),
      ),
    }),
  ),
});

/** A pod of a tap, as it is in the cluster. */
export const tapPodSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    labels: strings,
    annotations: strings,
  }),
  spec: z.looseObject({
    containers: z.array(z.looseObject({ name: z.string(), args: z.optional(z.array(z.string())) })),
  }),
});

const metadataSchema = z.object({
  name: z.string(),
  namespace: z.optional(z.string()),
  labels: strings,
  annotations: strings,
});

export const metadataListSchema = z.object({
  metadata: z.optional(z.object({ continue: z.optional(z.string()) })),
  // The API server's list of metadata has null instead of no items.
  items: z.nullable(z.array(z.object({ metadata: metadataSchema }))),
});

const labelSelectorSchema = z.object({
  matchLabels: strings,
  matchExpressions: z.optional(
    z.array(z.object({ key: z.string(), operator: z.string(), values: z.optional(z.array(z.string())) })),
  ),
});

export const budgetListSchema = z.object({
  items: z.array(
    z.object({
      metadata: named,
      spec: z.object({ selector: z.nullish(labelSelectorSchema) }),
    }),
  ),
});

export const watchEventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED']),
  object: z.unknown(),
});

export const namespaceSchema = z.object({ metadata: z.object({ name: z.string(), labels: strings }) });

/** What an object that was just made is known by. */
export const madeSchema = z.object({ metadata: z.object({ name: z.string(), uid: z.string() }) });

export type Namespace = z.infer<typeof namespaceSchema>;
export type Pod = z.infer<typeof podSchema>;
export type Node = z.infer<typeof nodeSchema>;
export type TapPod = z.infer<typeof tapPodSchema>;
/** A PodDisruptionBudget. */
export type Budget = z.infer<typeof budgetListSchema>['items'][number];
export type ObjectMetadata = z.infer<typeof metadataSchema>;
