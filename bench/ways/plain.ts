import { MIRROR } from '../counters.ts';
import type { Destination } from '../cases.ts';
import { onNode } from '../lab.ts';
import type { Target } from '../terms.ts';

const VNI = '7346';
const ADDRESSES: Record<Destination, string> = { 'node-a': '10.100.0.11', 'node-b': '10.100.0.12' };

/**
 * Does something while the target is tapped the plain way: u32 and mirred into a VXLAN device as iproute2 makes it, without
 * eBPF. It is what the Go program did that kokotap follows.
 */
export async function whileTappedPlainly<T>(
  { nodePid }: Target,
  destination: Destination,
  action: () => Promise<T>,
): Promise<T> {
  const netns = `/proc/${nodePid}/ns/net`;
  const inTarget = (...command: string[]) => onNode('node-a', 'nsenter', `--net=${netns}`, ...command);
  const remove = () =>
    Promise.allSettled([
      inTarget('tc', 'qdisc', 'delete', 'dev', 'eth0', 'clsact'),
      inTarget('ip', 'link', 'delete', MIRROR),
      onNode(destination, 'ip', 'link', 'delete', MIRROR),
    ]);
  await remove(); // what a run that was cut short may have left
  try {
    await addDevice(destination, ADDRESSES[destination], ADDRESSES['node-a']);
    await onNode(destination, 'ip', 'link', 'set', MIRROR, 'up');
    await addDevice('node-a', ADDRESSES['node-a'], ADDRESSES[destination], 'netns', String(nodePid));
    await inTarget('ip', 'link', 'set', MIRROR, 'up');
    await inTarget('tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact');
    for (const hook of ['ingress', 'egress']) {
      // oxfmt-ignore
      await inTarget(
        'tc', 'filter', 'add', 'dev', 'eth0', hook, 'protocol', 'all', 'prio', '1', 'u32', 'match', 'u32', '0', '0',
        'action', 'mirred', 'egress', 'mirror', 'dev', MIRROR,
      );
    }
    return await action();
  } finally {
    await remove();
  }
}

async function addDevice(
  node: Destination,
  local: string,
  remote: string,
  ...where: string[]
): Promise<void> {
  // oxfmt-ignore
  await onNode(
    node, 'ip', 'link', 'add', MIRROR, ...where, 'type', 'vxlan',
    'id', VNI, 'local', local, 'remote', remote, 'dstport', '4789', 'nolearning',
  );
}
