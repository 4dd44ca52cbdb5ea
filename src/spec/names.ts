import { DEFAULT_INTERFACE, DEFAULT_MIRROR } from './tap.ts';
import { isDnsSubdomain } from './kubeNames.ts';
import { nameHash, type TapIdentity } from './tapId.ts';

const PREFIX = 'kokotap-';
const SENDER = '-sender';
const RECEIVER = '-receiver-';

/**
 * A pod's name has up to 253 characters, but the kubelet cannot start one for which its log folder's name,
 * `<namespace>_<name>_<UID>`, is longer than the 255 bytes of a file name. Namespaces have up to 63, UIDs 36.
 */
const MAX_NAME_LENGTH = 255 - 63 - 36 - 2;

/** Two parts this long, prefix, hash and role stay below {@link MAX_NAME_LENGTH}. */
const MAX_PART_LENGTH = 60;

/**
 * The name of the tap's sender pod: `kokotap-<pod>-sender` where that is a valid name and can stand for no
 * other tap's pod, else a name with a hash of the tap's whole identity. (Plain names do not tell destinations
 * apart: a pod's second tap through the same two interface names is refused by Kubernetes.)
 */
export function senderName(identity: TapIdentity): string {
  const plain = `${PREFIX}${identity.pod}${SENDER}`;
  if (canBePlain(plain, identity)) return plain;
  return `${PREFIX}${shorten(identity.pod)}-${nameHash(identity)}${SENDER}`;
}

/**
 * The name of the receiver pod: `kokotap-<pod>-receiver-<destination>` by the rules of {@link senderName}, with the name of
 * the destination's node or pod. Undefined for a destination outside the cluster, which has none.
 */
export function receiverName(identity: TapIdentity): string | undefined {
  const { pod, destination } = identity;
  if ('address' in destination) return undefined;
  const end = 'node' in destination ? destination.node : destination.pod;
  const plain = `${PREFIX}${pod}${RECEIVER}${end}`;
  if (canBePlain(plain, identity)) return plain;
  return `${PREFIX}${shorten(pod)}-${nameHash(identity)}${RECEIVER}${shorten(end)}`;
}

function canBePlain(plain: string, identity: TapIdentity): boolean {
  return (
    identity.targetNamespace === identity.tapNamespace &&
    identity.podIfname === DEFAULT_INTERFACE &&
    identity.ifname === DEFAULT_MIRROR &&
    isDnsSubdomain(plain) &&
    plain.length <= MAX_NAME_LENGTH &&
    plainReadings(plain) === 1 &&
    !looksHashed(plain)
  );
}

/**
 * In how many ways a name can be read as a sender's or a receiver's: `kokotap-a-receiver-b-sender` is the
 * sender of pod `a-receiver-b` and the receiver of pod `a` on node `b-sender`.
 */
function plainReadings(name: string): number {
  const rest = name.slice(PREFIX.length);
  const asSender = rest.endsWith(SENDER) && isDnsSubdomain(rest.slice(0, -SENDER.length)) ? 1 : 0;
  // The lookahead finds overlapping ones too: `a-receiver-receiver-b`.
  const asReceiver = Array.from(rest.matchAll(/(?=-receiver-)/gu)).filter(
    ({ index }) =>
      isDnsSubdomain(rest.slice(0, index)) && isDnsSubdomain(rest.slice(index + RECEIVER.length)),
  ).length;
  return asSender + asReceiver;
}

/** A plain name of this form could be the hashed name of another tap. */
function looksHashed(name: string): boolean {
  return /-[0-9a-f]{10}(?:-sender$|-receiver-)/u.test(name);
}

function shorten(part: string): string {
  return part
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, '-')
    .slice(0, MAX_PART_LENGTH)
    .replaceAll(/^-|-$/gu, '');
}
