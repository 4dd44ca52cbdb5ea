import { createHash } from 'node:crypto';

/** Where the mirror device ends: a node of the cluster, or an address outside that ends the VXLAN itself. */
export type Destination =
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'ip'; readonly address: string };

/** What makes a tap this tap and no other. VNI, port and direction are settings of it, not part of it. */
export interface TapIdentity {
  readonly targetNamespace: string;
  readonly pod: string;
  readonly podIfname: string;
  readonly destination: Destination;
  readonly ifname: string;
  readonly tapNamespace: string;
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
  const end = destination.kind === 'node' ? destination.node : destination.address;
  return [targetNamespace, pod, podIfname, destination.kind, end, ifname, tapNamespace];
}

function hexDigest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
