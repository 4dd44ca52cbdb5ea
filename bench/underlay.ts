import { USUAL, type Underlay } from './cases.ts';
import { dropUnless } from '#src/filter/bpf.ts';
import { compilePcapFilter } from '#src/net/pcapFilter.ts';
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

/**
 * Copies of the target, as the underlay's bridge gets them. The tap's own small packets and one copy of 256 are none, so that
 * the tap goes on as usual.
 */
const COPIES = 'ip proto 17 and (udp dst port 4789 or ip[6:2] & 0x1fff != 0) and ip[2:2] > 64 and ip[5] != 0';

/** The bridge's port to node-a. */
function portQdisc(what: 'replace' | 'delete'): Promise<string> {
  return onNode('control', 'tc', 'qdisc', what, 'dev', 'node-a', 'clsact');
}

/** Does something while the bridge drops the copies that come from node-a. */
export async function whileSwallowed<T>(action: () => Promise<T>): Promise<T> {
  const program = dropUnless(await compilePcapFilter(`not (${COPIES})`));
  await portQdisc('replace');
  try {
    // oxfmt-ignore
    await onNode(
      'control', 'tc', 'filter', 'add', 'dev', 'node-a', 'ingress', 'protocol', 'all', 'pref', '1',
      'bpf', 'direct-action', 'bytecode', program,
    );
    return await action();
  } finally {
    await portQdisc('delete');
  }
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
