import type { Role } from '#src/tap/ownership/mark.ts';
import { NODE_PREFIX, type TapIdentity } from '#src/spec/tapId.ts';

/** Says of a pod that it is of a tap. */
export const APP_NAME_LABEL = 'app.kubernetes.io/name';
export const APP_NAME = 'kokotap';

/** Selects the pods of all taps. */
export const TAP_SELECTOR = `${APP_NAME_LABEL}=${APP_NAME}`;

/** Begins the names of the product's own labels and annotations. */
export const OWN_PREFIX = 'kokotap.dev/';

export const TAP_LABEL = `${OWN_PREFIX}tap`;
/** What is tapped, as {@link targetText} has it; several with commas between. */
export const TARGET_ANNOTATION = `${OWN_PREFIX}target`;
/** Where the copies go, as `node/NAME`, `pod/NAMESPACE/NAME` or `ip/ADDRESS`. */
export const DESTINATION_ANNOTATION = `${OWN_PREFIX}destination`;
export const VNI_LABEL = `${OWN_PREFIX}vni`;
export const ROLE_LABEL = `${OWN_PREFIX}role`;

export interface LabelInput {
  readonly tapId: string;
  readonly role: Role;
  readonly version: string;
  /** None where the tap needs none: both ends on one node. */
  readonly vni: number | undefined;
}

/** The labels of a tap's pod: Kubernetes' recommended ones and those that taps are looked up by. */
export function labels({ tapId, role, version, vni }: LabelInput): Record<string, string> {
  return {
    [APP_NAME_LABEL]: APP_NAME,
    'app.kubernetes.io/instance': tapId,
    'app.kubernetes.io/component': role,
    'app.kubernetes.io/version': version,
    'app.kubernetes.io/managed-by': 'kokotap',
    [TAP_LABEL]: tapId,
    [ROLE_LABEL]: role,
    ...(vni === undefined ? {} : { [VNI_LABEL]: String(vni) }),
  };
}

/**
 * What a person wants to know of a tap and what no label can hold.
 *
 * @param targets as {@link targetText} has each, or `tap/NAMESPACE/NAME` for those of the resource
 */
export function annotations(
  targets: readonly string[],
  identity: Pick<TapIdentity, 'podIfname' | 'destination'>,
): Record<string, string> {
  return {
    [TARGET_ANNOTATION]: targets.join(','),
    [`${OWN_PREFIX}target-interface`]: identity.podIfname,
    [DESTINATION_ANNOTATION]: destinationText(identity),
  };
}

/** The targets of a pod's tap, as {@link annotations} wrote them. */
export function targetsIn(written: Readonly<Record<string, string>>): string[] {
  return (written[TARGET_ANNOTATION] ?? '').split(',').filter((target) => target !== '');
}

/** The targets of a tap in a few words: the first, and how many more there are. */
export function targetsText([first = '?', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} +${others.length}`;
}

/** A target by its kind and all of its name: `pod/NAMESPACE/NAME` or `node/NAME`. */
export function targetText({ targetNamespace, pod }: Pick<TapIdentity, 'targetNamespace' | 'pod'>): string {
  return pod.startsWith(NODE_PREFIX) ? pod : `pod/${targetNamespace}/${pod}`;
}

/** As {@link DESTINATION_ANNOTATION} has it. */
export function destinationText({ destination }: Pick<TapIdentity, 'destination'>): string {
  if ('node' in destination) return `node/${destination.node}`;
  if ('pod' in destination) return `pod/${destination.namespace}/${destination.pod}`;
  return `ip/${destination.address}`;
}
