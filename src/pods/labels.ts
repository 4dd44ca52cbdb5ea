import type { Role } from '#src/tap/ownership/mark.ts';
import { NODE_PREFIX, type TapIdentity } from '#src/spec/tapId.ts';

/** Selects the pods of all taps. */
export const TAP_SELECTOR = 'app.kubernetes.io/name=kokotap';

/** Begins the names of the product's own labels and annotations. */
export const OWN_PREFIX = 'kokotap.dev/';

export const TAP_LABEL = `${OWN_PREFIX}tap`;
/** What is tapped, as `NAMESPACE/POD` or `node/NAME`. */
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
    'app.kubernetes.io/name': 'kokotap',
    'app.kubernetes.io/instance': tapId,
    'app.kubernetes.io/component': role,
    'app.kubernetes.io/version': version,
    'app.kubernetes.io/managed-by': 'kokotap',
    [TAP_LABEL]: tapId,
    [ROLE_LABEL]: role,
    ...(vni === undefined ? {} : { [VNI_LABEL]: String(vni) }),
  };
}

/** What a person wants to know of a tap and what no label can hold. */
export function annotations(identity: TapIdentity): Record<string, string> {
  return {
    [TARGET_ANNOTATION]: targetText(identity),
    [`${OWN_PREFIX}target-interface`]: identity.podIfname,
    [DESTINATION_ANNOTATION]: destinationText(identity),
  };
}

/** As {@link TARGET_ANNOTATION} has it. */
export function targetText({ targetNamespace, pod }: Pick<TapIdentity, 'targetNamespace' | 'pod'>): string {
  return pod.startsWith(NODE_PREFIX) ? pod : `${targetNamespace}/${pod}`;
}

/** As {@link DESTINATION_ANNOTATION} has it. */
export function destinationText({ destination }: Pick<TapIdentity, 'destination'>): string {
  if ('node' in destination) return `node/${destination.node}`;
  if ('pod' in destination) return `pod/${destination.namespace}/${destination.pod}`;
  return `ip/${destination.address}`;
}
