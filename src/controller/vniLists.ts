import * as z from 'zod/mini';
import { MANAGER, TAP_UID_LABEL } from './model.ts';

/** What is known of the ConfigMap with the VNIs of a Tap's targets. */
export interface KnownVniList {
  readonly name: string;
  readonly uid: string;
  readonly tapUid: string;
  readonly text: string;
}

/** The key of the list in its ConfigMap. */
export const VNI_LIST_KEY = 'vnis.json';

const rawConfigMap = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    labels: z.object({
      'app.kubernetes.io/managed-by': z.literal(MANAGER),
      [TAP_UID_LABEL]: z.string(),
    }),
  }),
  data: z._default(z.record(z.string(), z.string()), {}),
});

/** Reads a ConfigMap of the API; undefined: it is somebody else's. */
export function readVniList(object: unknown): KnownVniList | undefined {
  const parsed = rawConfigMap.safeParse(object);
  if (!parsed.success) return undefined;
  const { metadata, data } = parsed.data;
  const { name, uid, labels } = metadata;
  return { name, uid, tapUid: labels[TAP_UID_LABEL], text: data[VNI_LIST_KEY] ?? '' };
}
