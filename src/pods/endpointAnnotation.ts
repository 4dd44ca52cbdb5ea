import type { Role } from '#src/tap/ownership/mark.ts';
import { OWN_PREFIX } from './labels.ts';

/**
 * The annotation of a pod with many endpoints that has their list. The API lets all annotations of an object have 256 KiB
 * together: that is 700 endpoints of a receiver.
 */
export const ENDPOINTS_ANNOTATION = `${OWN_PREFIX}endpoints`;

const folder = '/etc/kokotap';
const file = 'endpoints.json';
const volume = 'endpoints';

/** What the agent of such a pod is started with: it reads the list from a file, and again whenever that changes. */
export function listArgs(role: Role): string[] {
  return [role, `--endpoints=${folder}/${file}`];
}

/** The volume by which the kubelet shows the annotation as a file, also what it is changed to. It is nothing that keeps a node from being drained. */
export const listVolume = {
  name: volume,
  downwardAPI: {
    items: [{ path: file, fieldRef: { fieldPath: `metadata.annotations['${ENDPOINTS_ANNOTATION}']` } }],
  },
};

/** A change would not get to a mount with `subPath`. */
export const listMount = { name: volume, mountPath: folder, readOnly: true };
