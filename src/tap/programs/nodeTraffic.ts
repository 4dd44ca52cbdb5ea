import { NODE_VXLAN_PORT } from '#src/spec/endpoint.ts';
import type { Tunnel } from '#src/tap/state.ts';

/**
 * What a tap of a node must not copy, for pcap-filter: a copy leaves by the very interface it was made of, and the copy
 * of a copy would be copied too, for ever. That is what goes to the port of the tunnels, of this tap and any other; the
 * later fragments between the two endpoints, which have no port; ESP and AH between them, which may have tunnel packets
 * inside; and the ICMP errors that quote a tunnel packet, each of which a copy of the last can cause.
 */
export function tunnelTraffic({ local, remote }: Pick<Tunnel, 'local' | 'remote'>): string {
  const between = `((src host ${local} and dst host ${remote}) or (src host ${remote} and dst host ${local}))`;
  const laterFragment = 'ip proto 17 and ip[6:2] & 0x1fff != 0';
  const encrypted = 'ip proto 50 or ip proto 51 or ip6 proto 50 or ip6 proto 51';
  const error = 'icmp[0] = 3 or icmp[0] = 5 or icmp[0] = 11 or icmp[0] = 12';
  const quoted = `icmp[17] = 17 and icmp[30:2] = ${NODE_VXLAN_PORT}`;
  const quoted6 = `ip6[54] = 17 and ip6[90:2] = ${NODE_VXLAN_PORT}`;
  const packets = [
    `(udp dst port ${NODE_VXLAN_PORT})`,
    `(((${laterFragment}) or ${encrypted}) and ${between})`,
    `((${error}) and ${quoted})`,
    `(ip6 proto 58 and ip6[40] < 128 and ${quoted6})`,
  ].join(' or ');
  // The hooks show a packet without its outer tag; a second one may be there.
  return `${packets} or (vlan and (${packets}))`;
}

/** What these devices send looks at the interface below as it did before. */
const transparentKinds = new Set([
  '',
  'veth',
  'bridge',
  'openvswitch',
  'bond',
  'team',
  'vlan',
  'macvlan',
  'macvtap',
  'ipvlan',
]);

/**
 * Whether packets that go by an interface may be wrapped or encrypted there (WireGuard, tunnels, MACsec), so that
 * {@link tunnelTraffic} does not know them again below it.
 *
 * @param kind as {@link Link} has it
 */
export function mayWrap(kind: string): boolean {
  return !transparentKinds.has(kind);
}
