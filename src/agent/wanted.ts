import { isIPv6 } from '#src/tap/address.ts';
import { macOf } from '#src/tap/mark.ts';
import type { CopySettings } from '#src/tap/programs.ts';
import type { Hook, Wanted } from '#src/tap/state.ts';
import type { ReceiverOptions, SenderOptions } from './options.ts';

/** So that nobody who sets the interface's MTU as a guide for buffers or replies expects more than fits the tunnel. */
const receiverMtuBytes = 1450;

/**
 * The sender's end: in the target's namespace, fed by copies of the target interface's packets.
 *
 * @param matching the classic BPF program, in tc's notation, of what is copied
 * @param object the name of the eBPF object that does {@link copySettings}
 */
export function senderEnd(options: SenderOptions, matching: string, object: string): Wanted {
  const type = options['mirror-type'];
  const hooks: Hook[] = type === 'both' ? ['ingress', 'egress'] : [type];
  return {
    id: options['tap-id'],
    role: 'sender',
    ifname: options.ifname,
    mac: macOf(options['tap-id'], 'sender'),
    device: device(options),
    mtuBytes: undefined,
    object,
    needsObject: [options.snaplen, options['one-in'], options['max-bytes-per-second']].some(
      (setting) => setting !== undefined,
    ),
    copies: { from: options['pod-ifname'], hooks, matching },
    ownQdiscs: new Set(),
  };
}

/** What the eBPF programs of a sender are to do. */
export function copySettings(options: SenderOptions): CopySettings {
  return {
    snaplenBytes: options.snaplen,
    oneIn: options['one-in'],
    maxBytesPerSecond: options['max-bytes-per-second'],
    underlay: 'vni' in options ? (isIPv6(options.remote) ? 'IPv6' : 'IPv4') : undefined,
  };
}

/** The receiver's end: in the destination node's namespace. */
export function receiverEnd(options: ReceiverOptions): Wanted {
  const wanted = device(options);
  return {
    id: options['tap-id'],
    role: 'receiver',
    ifname: options.ifname,
    mac: macOf(options['tap-id'], 'receiver'),
    device: wanted,
    mtuBytes: wanted.kind === 'vxlan' ? receiverMtuBytes : undefined,
    object: undefined,
    needsObject: false,
    copies: undefined,
    ownQdiscs: new Set(),
  };
}

function device(options: ReceiverOptions): Wanted['device'] {
  if (!('vni' in options)) return { kind: 'veth' };
  const { vni, 'vxlan-port': port, local, remote } = options;
  // Over IPv4 none is needed (RFC 7348), and it costs much where the underlay's device cannot compute it (ADR 12).
  return { kind: 'vxlan', vni, port, local, remote, udpChecksum: isIPv6(remote) };
}
