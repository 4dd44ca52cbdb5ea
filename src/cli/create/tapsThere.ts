import * as z from 'zod/mini';
import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { tapPodSchema } from '#src/kube/schemas.ts';
import { ENDPOINTS_ANNOTATION } from '#src/pods/endpointAnnotation.ts';
import { heldEndpoints } from '#src/pods/heldEndpoints.ts';
import { DESTINATION_ANNOTATION, TAP_LABEL, TAP_SELECTOR, targetsIn } from '#src/pods/labels.ts';

/** A tap that is there, as far as another one has to get along with it. */
export interface TapThere {
  readonly id: string;
  /** Of the endpoints of one of its pods. */
  readonly endpointIds: readonly string[];
  /** As `targetText` has each. */
  readonly targets: readonly string[];
  readonly destination: string | undefined;
  readonly mirror: string | undefined;
}

const listSchema = z.object({ items: z.array(tapPodSchema) });

/** The taps of the cluster, or of a namespace where the user may not see the others. */
export async function tapsThere(api: KubeApi, namespace: string): Promise<readonly TapThere[]> {
  const list = async (place: string | undefined) =>
    api.get({ kind: 'pods', namespace: place, labelSelector: TAP_SELECTOR }, listSchema);
  const found = await list(undefined).catch((error: unknown) => {
    if (error instanceof ForbiddenError) return list(namespace);
    throw error;
  });
  return (found?.items ?? []).map(({ metadata, spec }) => {
    const { labels = {}, annotations = {} } = metadata;
    const documents = annotations[ENDPOINTS_ANNOTATION] ?? spec.containers[0]?.args?.[1] ?? '';
    return {
      id: labels[TAP_LABEL] ?? '',
      endpointIds: heldEndpoints(metadata).map(({ id }) => id),
      targets: targetsIn(annotations),
      destination: annotations[DESTINATION_ANNOTATION],
      mirror: /"mirrorInterface":"([^"]*)"/u.exec(documents)?.[1],
    };
  });
}

/** The longest name of an interface. */
const MOST_CHARACTERS = 15;

/** A name for a mirror interface that no other has: the wanted one, or with a number behind it. */
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
  for (let number = 2, name = wanted; ; number += 1) {
    if (!taken.has(name)) return name;
    name = `${wanted.slice(0, MOST_CHARACTERS - String(number).length)}${number}`;
  }
}
