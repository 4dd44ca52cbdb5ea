import * as z from 'zod/mini';
import { ENDPOINTS_ANNOTATION } from './endpointAnnotation.ts';
import { TAP_LABEL, TARGET_ANNOTATION, targetText, VNI_LABEL } from './labels.ts';
import { NODE_PREFIX } from '#src/spec/tapId.ts';

/** What anybody reads in a pod of a tap of one of its endpoints. */
export interface HeldEndpoint {
  readonly id: string;
  /** Undefined where both ends are on one node. */
  readonly vni: number | undefined;
  /** As {@link targetText} has it; only a sender says it. */
  readonly target: string | undefined;
}

interface Described {
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** The endpoints of a pod of a tap: those of its list, or the one that its labels name. */
export function heldEndpoints(
  { labels = {}, annotations = {} }: Described,
  nodeName?: string,
): HeldEndpoint[] {
  const list = annotations[ENDPOINTS_ANNOTATION];
  if (list !== undefined) return listedEndpoints(list, nodeName);
  const number = Number(labels[VNI_LABEL]);
  const vni = number > 0 ? number : undefined;
  const id = labels[TAP_LABEL] ?? '';
  const target = annotations[TARGET_ANNOTATION];
  // A VNI is in use whoever has it.
  return id === '' && vni === undefined ? [] : [{ id, vni, target }];
}

const listSchema = z.object({
  items: z.array(
    z.object({
      tapId: z.string(),
      path: z.object({ vni: z.optional(z.int()) }),
      pod: z.optional(z.string()),
      namespace: z.optional(z.string()),
      hostNetwork: z.optional(z.boolean()),
    }),
  ),
});

/**
 * The endpoints of a list, of whatever version. None of what is no list.
 *
 * @param nodeName of the pod that has it, which is the target of a sender without one
 */
function listedEndpoints(list: string, nodeName?: string): HeldEndpoint[] {
  const { data } = z.safeParse(listSchema, parseJson(list));
  return (data?.items ?? []).map(({ tapId: id, path: { vni }, pod, namespace, hostNetwork }) => {
    const name = pod ?? (hostNetwork === true && nodeName !== undefined ? NODE_PREFIX + nodeName : undefined);
    const target = name && targetText({ targetNamespace: namespace ?? '?', pod: name });
    return { id, vni, target };
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
