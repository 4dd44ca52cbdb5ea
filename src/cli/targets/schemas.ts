import * as z from 'zod/mini';

// Only what a capture needs of objects.

const strings = z.record(z.string(), z.string());

const containerState = z.object({
  waiting: z.optional(z.object({ reason: z.optional(z.string()), message: z.optional(z.string()) })),
});

export const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    deletionTimestamp: z.optional(z.string()),
    annotations: z.optional(strings),
  }),
  spec: z.object({
    nodeName: z.optional(z.string()),
    hostNetwork: z.optional(z.boolean()),
    containers: z.array(z.object({ image: z.optional(z.string()), args: z.optional(z.array(z.string())) })),
  }),
  status: z.optional(
    z.object({
      phase: z.optional(z.string()),
      reason: z.optional(z.string()),
      message: z.optional(z.string()),
      podIPs: z.optional(z.array(z.object({ ip: z.string() }))),
      containerStatuses: z.optional(z.array(z.object({ state: z.optional(containerState) }))),
    }),
  ),
});

export const podListSchema = z.object({ items: z.array(podSchema) });

const labelSelector = z.object({
  matchLabels: z.optional(strings),
  matchExpressions: z.optional(
    z.array(z.object({ key: z.string(), operator: z.string(), values: z.optional(z.array(z.string())) })),
  ),
});

/** What chooses its pods by a selector; a Service has labels only. */
export const workloadSchema = z.object({ spec: z.object({ selector: z.optional(labelSelector) }) });
export const serviceSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({ selector: z.optional(strings), clusterIPs: z.optional(z.array(z.string())) }),
});
export const serviceListSchema = z.object({ items: z.array(serviceSchema) });

export type CapturePod = z.infer<typeof podSchema>;
