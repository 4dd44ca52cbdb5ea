import { tunnelMacOf, tunnelNameOf } from '#src/tap/ownership/mark.ts';
import type { Desired, Vxlan } from '#src/tap/state.ts';

/** The device in the node that a sender's mirror device gives its copies to: all of a VXLAN endpoint but its targets. */
export function tunnelOf(
  desired: Desired & { readonly device: { readonly kind: 'vxlan' } & Vxlan },
): Desired {
  return {
    ...desired,
    ifname: tunnelNameOf(desired.id),
    mac: tunnelMacOf(desired.id),
    isTunnel: true,
    copies: undefined,
    ownQdiscs: new Set(),
  };
}

/** What is in the target's network namespace then. */
export function overTunnel(desired: Desired): Desired {
  return { ...desired, device: { kind: 'macvlan', over: tunnelNameOf(desired.id) } };
}
