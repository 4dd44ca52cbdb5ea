import { createHash } from 'node:crypto';
import type { Destination, Tap } from './tap.ts';

/** What makes a tap this tap and no other. VNI, port and direction are settings of it, not part of it. */
export interface TapIdentity {
  readonly targetNamespace: string;
  /** Its name; of a node `node/NAME`, which no pod can be called. */
  readonly pod: string;
  readonly podIfname: string;
  readonly destination: DestinationIdentity;
  readonly ifname: string;
  readonly tapNamespace: string;
}

/** A destination by all of its name. */
export type DestinationIdentity =
  | Exclude<Destination, { readonly pod: string }>
  | { readonly pod: string; readonly namespace: string };

/** Begins {@link TapIdentity.pod} of a node. */
export const NODE_PREFIX = 'node/';

export function identityOf(tap: Tap): TapIdentity {
  return {
    targetNamespace: tap.namespace,
    pod: tap.targetNode === undefined ? tap.pod : `${NODE_PREFIX}${tap.targetNode}`,
    podIfname: tap.interfaces.join(','),
    destination: destinationOf(tap),
    ifname: tap.mirrorInterface,
    tapNamespace: tap.tapNamespace ?? tap.namespace,
  };
}

/** The tap's id: 12 hex digits that are the same for the same identity, today and on every machine. */
export function tapId(identity: TapIdentity): string {
  return hexDigest(JSON.stringify(identityParts(identity)), 12);
}

/** A shorter digest of the identity, for names that cannot state all of it. */
export function nameHash(identity: TapIdentity): string {
  return hexDigest(JSON.stringify(['name', ...identityParts(identity)]), 10);
}

function identityParts({
  targetNamespace,
  pod,
  podIfname,
  destination,
  ifname,
  tapNamespace,
}: TapIdentity): readonly string[] {
  return [targetNamespace, pod, podIfname, ...destinationParts(destination), ifname, tapNamespace];
}

/** A pod is in the target's namespace unless another is given. */
function destinationOf({ destination, namespace }: Tap): DestinationIdentity {
  return 'pod' in destination
    ? { pod: destination.pod, namespace: destination.namespace ?? namespace }
    : destination;
}

function destinationParts(destination: DestinationIdentity): readonly string[] {
  if ('node' in destination) return ['node', destination.node];
  if ('pod' in destination) return ['pod', `${destination.namespace}/${destination.pod}`];
  return ['ip', destination.address];
}

/** The first hex digits of a text's SHA-256. */
export function hexDigest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
