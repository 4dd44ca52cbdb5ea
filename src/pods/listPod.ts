import type { EndpointDocument } from '#src/spec/endpoint.ts';
import { endpointListText } from '#src/spec/endpointList.ts';
import { hexDigest } from '#src/spec/tapId.ts';
import { ENDPOINTS_ANNOTATION, listArgs } from './endpointAnnotation.ts';
import type { PodManifest } from './manifests.ts';
import { podAnnotations, type PodSettings, podSpec, type PodSpecInput } from './podSpec.ts';

/** What of such a pod its tap says. */
export interface ListPodInput extends Pick<PodSpecInput, 'role' | 'nodeName' | 'appArmor' | 'entersPods'> {
  readonly metadata: PodManifest['metadata'];
  readonly endpoints: readonly EndpointDocument[];
}

/** A pod of many endpoints, whose agent reads their list from the pod's own annotation. */
export function listPod(settings: PodSettings, { metadata, endpoints, ...about }: ListPodInput): PodManifest {
  const input = { ...about, args: listArgs(about.role), readsList: true };
  const sorted = endpoints.toSorted((one, other) => (one.tapId < other.tapId ? -1 : 1));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        ...podAnnotations(input),
        [ENDPOINTS_ANNOTATION]: endpointListText(sorted),
      },
    },
    spec: podSpec(settings, input),
  };
}

const NAME_CHARACTERS = 40;

/**
 * The name of such a pod, or of another object of its tap: the same one for the same tap, so that it could not be made twice.
 *
 * @param readable what people call the tap
 * @param key no other tap has it
 */
export function tapObjectName(readable: string, key: string, kind: string, node = ''): string {
  const beginning = readable
    .replaceAll(/[^a-z0-9]+/gu, '-')
    .slice(0, NAME_CHARACTERS)
    .replace(/-$/u, '');
  return `kokotap-${beginning}-${hexDigest(`${key}/${kind}/${node}`, 8)}-${kind}`;
}
