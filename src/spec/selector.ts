import * as z from 'zod/mini';

const text = z.string().check(z.maxLength(317));
const value = z.string().check(z.maxLength(63));

/** How objects of the API name the pods that they are about. */
export const labelSelector = z.object({
  matchLabels: z.optional(z.record(z.string(), value)),
  matchExpressions: z.optional(
    z
      .array(
        z.object({
          key: text,
          operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
          values: z.optional(z.array(value).check(z.maxLength(100))),
        }),
      )
      .check(z.maxLength(20)),
  ),
});
