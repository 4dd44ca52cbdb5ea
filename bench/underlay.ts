import { USUAL, type Underlay } from './cases.ts';
import { type Node, onNode, setUnderlayMtu } from './lab.ts';

const TABLE = 'kokotap_bench';
const UNTRACKED = `table inet ${TABLE} {
  chain arriving { type filter hook prerouting priority raw; udp dport 4789 notrack; }
  chain leaving { type filter hook output priority raw; udp dport 4789 notrack; }
}`;

/** Makes the network between node-a and node-b be as a case wants it. */
export async function setUnderlay({ mtuBytes, offloads, tracked }: Underlay): Promise<void> {
  await setUnderlayMtu(mtuBytes);
  for (const node of ['node-a', 'node-b'] as const) {
    await setTunnelOffloads(node, offloads);
    await onNode(node, 'nft', `add table inet ${TABLE}; delete table inet ${TABLE}`);
    if (!tracked) await onNode(node, 'nft', UNTRACKED);
  }
}

/** Gives the underlay back as it usually is. */
export function resetUnderlay(): Promise<void> {
  return setUnderlay(USUAL);
}

async function setTunnelOffloads(node: Node, offloads: Underlay['offloads']): Promise<void> {
  const segmentation = offloads === 'no tunnel segmentation' ? 'off' : 'on';
  const checksums = offloads === 'all' ? 'on' : 'off';
  // oxfmt-ignore
  await onNode(
    node, 'ethtool', '--features', 'eth0',
    'tx-udp_tnl-segmentation', segmentation, 'tx-udp_tnl-csum-segmentation', checksums,
  );
}
