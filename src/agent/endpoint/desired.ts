import { isIPv6 } from '#src/spec/address.ts';
import { joinedDeviceName, macOf } from '#src/tap/ownership/mark.ts';
import type { CopySettings } from '#src/tap/programs/settings.ts';
import type { Copies, Hook, Desired } from '#src/tap/state.ts';
import type { Path, ReceiverEndpoint, SenderEndpoint } from '#src/spec/endpoint.ts';

/** So that nobody who sets the interface's MTU as a guide for buffers or replies expects more than fits the tunnel. */
const receiverMtuBytes = 1450;

/**
 * The sender's end: in the target's namespace, fed by copies of the target interface's packets.
 *
 * @param what the programs of what is copied
 * @param object the name of the eBPF object that does {@link copySettings}
 */
export function desiredSender(
  endpoint: SenderEndpoint,
  what: Pick<Copies, 'matching' | 'dropping'>,
  object: string,
): Desired {
  const { tapId, mirrorInterface, direction, interfaces, joined } = endpoint;
  const hooks: Hook[] = direction === 'both' ? ['ingress', 'egress'] : [direction];
  return {
    id: tapId,
    role: 'sender',
    ifname: mirrorInterface,
    mac: macOf(tapId, 'sender'),
    device: device(endpoint.path),
    mtuBytes: undefined,
    object,
    needsObject: [endpoint.snapLengthBytes, endpoint.sampleOneIn, endpoint.maxBytesPerSecond].some(
      (setting) => setting !== undefined,
    ),
    otherIfname: joined === true ? joinedDeviceName(tapId) : undefined,
    copies: { from: interfaces[0] === 'all' ? 'all' : interfaces, hooks, ...what },
    ownQdiscs: new Set(),
  };
}

/** What the eBPF programs of a sender are to do. */
export function copySettings(endpoint: SenderEndpoint): Omit<CopySettings, 'mtuBytes'> {
  const { snapLengthBytes, sampleOneIn, maxBytesPerSecond, path } = endpoint;
  return {
    snaplenBytes: snapLengthBytes,
    oneIn: sampleOneIn,
    maxBytesPerSecond,
    underlay: path.kind === 'vxlan' ? (isIPv6(path.remote) ? 'IPv6' : 'IPv4') : undefined,
  };
}

/** The receiver's end: in the namespace of the destination node, or of a pod on it. */
export function desiredReceiver(endpoint: ReceiverEndpoint): Desired {
  const { tapId, mirrorInterface, path, destinationPod, joined } = endpoint;
  const desired = device(path);
  return {
    id: tapId,
    role: 'receiver',
    ifname: joined === true ? joinedDeviceName(tapId) : mirrorInterface,
    joinedInto: joined === true ? mirrorInterface : undefined,
    mac: macOf(tapId, 'receiver'),
    inDestinationPod: destinationPod !== undefined,
    device: desired,
    mtuBytes: desired.kind === 'vxlan' ? receiverMtuBytes : undefined,
    object: undefined,
    needsObject: false,
    copies: undefined,
    ownQdiscs: new Set(),
  };
}

function device(path: Path): Desired['device'] {
  if (path.kind === 'same-node') return { kind: 'veth' };
  // Over IPv4 none is needed (RFC 7348), and it costs much where the underlay's device cannot compute it (ADR 12).
  return { ...path, udpChecksum: isIPv6(path.remote) };
}
