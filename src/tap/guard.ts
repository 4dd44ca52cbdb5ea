import { isIPv6 } from './address.ts';
import type { Role, TapId } from './mark.ts';
import { probeMark } from './probe.ts';
import type { Tunnel } from './state.ts';

/**
 * An end's table of nftables, in the node's network namespace. A VXLAN device takes packets of its VNI from anyone; with
 * this table only from the other end. It also counts the probes that come, which no device shows.
 */
export function guardName(id: TapId, role: Role): string {
  return `kokotap-${id}-${role}`;
}

/** The tap that a table is of; undefined when it is none of ours. */
export function guardOwner(table: string): TapId | undefined {
  return /^kokotap-([0-9a-f]{12})-(?:sender|receiver)$/.exec(table)?.[1];
}

/** The counter of probes in an end's table. */
export const probeCounter = 'probes';

/**
 * What nft is told to make the table, in one transaction, whatever there is of it. The VNI is 24 bits of the packet, 96
 * bits behind the beginning of its UDP header (RFC 7348, section 5).
 */
export function guardRules(name: string, { vni, port, remote }: Tunnel): string {
  const [own, other] = isIPv6(remote) ? ['ip6', 'ipv4'] : ['ip', 'ipv6'];
  const ours = `udp dport ${port} @th,96,24 ${vni}`;
  const rules = [
    // The peer's copies match at once: the other rules would cost each of them twice as much (ADR 12).
    `${own} saddr ${remote} udp dport ${port} @th,96,32 ${vni * 0x100} accept`,
    `${ours} ${own} saddr != ${remote} drop`,
    `${ours} meta nfproto ${other} drop`,
    `udp dport ${port} @th,96,32 ${vni * 0x100 + probeMark} counter name ${probeCounter} drop`,
  ];
  return [
    `add table inet ${name}`,
    `delete table inet ${name}`,
    `add table inet ${name}`,
    `add counter inet ${name} ${probeCounter}`,
    `add chain inet ${name} input { type filter hook input priority raw; }`,
    ...rules.map((rule) => `add rule inet ${name} input ${rule}`),
  ].join('\n');
}
