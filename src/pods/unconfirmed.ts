import { OWN_PREFIX } from './labels.ts';
import type { PodManifest } from './manifests.ts';

/**
 * The annotation of a pod whose maker has yet to say that the tap is wanted: the seconds after which its agent takes the tap
 * away. A maker that is killed says nothing any more.
 */
const UNCONFIRMED_ANNOTATION = `${OWN_PREFIX}unconfirmed`;

const folder = '/etc/kokotap-maker';
const file = 'unconfirmed';
const volumeName = 'maker';

/** The volume by which the kubelet shows the annotation as a file, which is empty once the annotation is gone. */
const volume = {
  name: volumeName,
  downwardAPI: {
    items: [{ path: file, fieldRef: { fieldPath: `metadata.annotations['${UNCONFIRMED_ANNOTATION}']` } }],
  },
};
const mount = { name: volumeName, mountPath: folder, readOnly: true };

/** A pod that keeps its tap so long only, unless it is confirmed. */
export function unconfirmed(pod: PodManifest, seconds: number): PodManifest {
  const { metadata, spec } = pod;
  return {
    ...pod,
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [UNCONFIRMED_ANNOTATION]: String(seconds) },
    },
    spec: {
      ...spec,
      volumes: [...(spec.volumes ?? []), volume],
      containers: spec.containers.map(following),
    },
  };
}

function following(container: PodManifest['spec']['containers'][number]) {
  const { args, volumeMounts = [] } = container;
  return {
    ...container,
    args: [...args, `--unconfirmed=${folder}/${file}`],
    volumeMounts: [...volumeMounts, mount],
  };
}

/** A change of such a pod that confirms it. */
export const CONFIRMATION = { metadata: { annotations: { [UNCONFIRMED_ANNOTATION]: null } } };

/** Whether nobody has confirmed a pod, and the time for that is over. */
export function isAbandoned(
  metadata: {
    readonly creationTimestamp: string;
    readonly annotations?: Readonly<Record<string, string>> | undefined;
  },
  nowMs: number,
): boolean {
  const text = metadata.annotations?.[UNCONFIRMED_ANNOTATION] ?? '';
  // As its agent reads it.
  const seconds = /^\d+$/u.test(text) ? Number(text) : Infinity;
  return nowMs - Date.parse(metadata.creationTimestamp) > seconds * 1000;
}
