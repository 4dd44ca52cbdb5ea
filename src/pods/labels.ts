import type { Role } from '#src/tap/ownership/mark.ts';
import type { DestinationIdentity, TapIdentity } from '#src/spec/tapId.ts';

/** Selects the pods of all taps. */
export const TAP_SELECTOR = 'app.kubernetes.io/name=kokotap';

/** Begins the names of the product's own labels and annotations. */
export const OWN_PREFIX = 'kokotap.dev/';

export const TAP_LABEL = `${OWN_PREFIX}tap`;
/** Where the copies go, as `node/NAME`, `pod/NAMESPACE/NAME` or `ip/ADDRESS`. */
export const DESTINATION_ANNOTATION = `${OWN_PREFIX}destination`;
export const VNI_LABEL = `${OWN_PREFIX}vni`;
const ROLE_LABEL = `${OWN_PREFIX}role`;

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
    [`${OWN_PREFIX}target`]: `${identity.targetNamespace}/${identity.pod}`,
    [`${OWN_PREFIX}target-interface`]: identity.podIfname,
    [DESTINATION_ANNOTATION]: destinationText(identity.destination),
  };
}

function destinationText(destination: DestinationIdentity): string {
  if ('node' in destination) return `node/${destination.node}`;
  if ('pod' in destination) return `pod/${destination.namespace}/${destination.pod}`;
  return `ip/${destination.address}`;
}
