import { isIP } from 'node:net';
import { fitter } from '#src/tap/bpf.ts';
import { macOf } from '#src/tap/mark.ts';
import type { Hook, Wanted } from '#src/tap/state.ts';
import type { ReceiverOptions, SenderOptions } from './options.ts';

/** So that nobody who sets the interface's MTU as a guide for buffers or replies expects more than fits the tunnel. */
const receiverMtuBytes = 1450;

/**
 * The sender's end: in the target's namespace, fed by copies of the target interface's packets.
 *
 * @param matching the classic BPF program, in tc's notation, of what is copied
 */
export function senderEnd(options: SenderOptions, matching: string): Wanted {
  const type = options['mirror-type'];
  const hooks: Hook[] = type === 'both' ? ['ingress', 'egress'] : [type];
  return {
    id: options['tap-id'],
    role: 'sender',
    ifname: options.ifname,
    mac: macOf(options['tap-id'], 'sender'),
    device: device(options),
    mtuBytes: undefined,
    fitting: 'vni' in options ? fitter(isIP(options.remote) === 6 ? 'IPv6' : 'IPv4') : undefined,
    copies: { from: options['pod-ifname'], hooks, matching },
    ownsQdisc: false,
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
    fitting: undefined,
    copies: undefined,
    ownsQdisc: false,
  };
}

function device(options: ReceiverOptions): Wanted['device'] {
  if (!('vni' in options)) return { kind: 'veth' };
  const { vni, 'vxlan-port': port, local, remote } = options;
  return { kind: 'vxlan', vni, port, local, remote };
}
