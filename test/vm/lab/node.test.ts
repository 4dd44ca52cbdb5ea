import { expect } from 'vitest';
import { captureOnNode } from '../../cluster/support/capture.ts';
import { scriptOnNode } from '../../cluster/support/lab.ts';
import { pings } from '../../cluster/support/packets.ts';
import type { Pod } from '../../cluster/support/pod.ts';
import { test } from '../../cluster/support/sandbox.ts';

const driver = process.env['CGROUP_DRIVER'] === 'systemd' ? 'systemd' : 'cgroupfs';
const groups = {
  cgroupfs: /^0::\/kubepods\/besteffort\/pod[0-9a-f-]{36}\/[0-9a-f]{64}$/,
  systemd:
    /^0::\/kubepods\.slice\/kubepods-besteffort\.slice\/kubepods-besteffort-pod[0-9a-f_]{36}\.slice\/cri-containerd-[0-9a-f]{64}\.scope$/,
};
const fivePings = [1, 2, 3, 4, 5];

test(`cgroup v2, ${driver} driver: a pod's packets are seen on its node, each once, and nothing is left`, async ({
  sandbox,
}) => {
  const web = await sandbox.startPod({ name: 'web', node: 'node-a' });
  const peer = await sandbox.startPod({ name: 'peer', node: 'node-a' });
  expect(await groupOf(web)).toMatch(groups[driver]);
  const before = await sandbox.snapshot(web);
  const tap = ['--pod=web', '--dest-node=node-a', '--ifname=mirror'];
  const [sender = ''] = await sandbox.tap(...tap);
  // From the sender's own group, which is the root of what it sees.
  const read = `console.log(fs.readFileSync('/proc/${await web.pid()}/cgroup', 'utf8').trim())`;
  process.stdout.write(
    `seen by the sender: ${await sandbox.kubectl('exec', sender, '--', 'node', '--eval', read)}\n`,
  );
  const address = await peer.address();
  const packets = await captureOnNode('node-a', 'mirror', () => web.ping(address, fivePings.length));
  expect(pings(packets, 'request')).toEqual(fivePings);
  expect(pings(packets, 'reply')).toEqual(fivePings);
  await sandbox.untap(...tap);
  expect(await sandbox.snapshot(web)).toEqual(before);
  expect(await sandbox.traces()).toEqual([]);
});

/** As the node sees it. */
async function groupOf(pod: Pod): Promise<string> {
  return scriptOnNode(pod.node, 'cat "/proc/$1/cgroup"', await pod.pid());
}
