import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { onNode, processesOnNode } from './support/lab.ts';
import { pings } from './support/packets.ts';
import { pair, test } from './support/sandbox.ts';

const threePings = [1, 2, 3];

test('a sender that vanished without a word does not keep the pod from being tapped anew', async ({
  sandbox,
}) => {
  const { web, peer } = await pair(sandbox);
  const toNodeB = ['--pod=web', '--dest-node=node-b', `--vxlan-id=${sandbox.vni}`];
  const before = await sandbox.snapshot(web);
  const [sender = '', receiver = ''] = await sandbox.tap(...toNodeB);
  // A stopped process cannot take anything away when it is told to.
  const pattern = `kokotap-agent sender .*"tapId":"${await sandbox.tapId(sender)}"`;
  const [pid = ''] = await processesOnNode('node-a', pattern);
  await onNode('node-a', 'kill', '-STOP', pid);
  await sandbox.kubectl('delete', 'pod', sender, '--grace-period=0', '--force');
  await sandbox.delete('pods', receiver);
  expect(await web.inNetns('ip', '-brief', 'link', 'show', sandbox.ifname)).toContain(sandbox.ifname);
  await sandbox.tap(...toNodeB);
  const there = await peer.address();
  const packets = await captureOnNode('node-b', sandbox.ifname, () => web.ping(there, 3));
  expect(pings(packets, 'request')).toEqual(threePings);
  expect(pings(packets, 'reply')).toEqual(threePings);
  await sandbox.untap(...toNodeB);
  expect(await sandbox.snapshot(web)).toEqual(before);
});
