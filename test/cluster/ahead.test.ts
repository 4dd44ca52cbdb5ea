import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { pings } from './support/packets.ts';
import { pair, test } from './support/sandbox.ts';

// With what a pod may do, in the image: test/kernel/ahead.test.ts has all cases. Needs Linux 6.6.
test('before a program that keeps packets from every filter a tap gets each packet, and leaves as it came', async ({
  sandbox,
}) => {
  const { web, peer } = await pair(sandbox);
  await web.inNetns('tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact');
  const keepsAll = ['pref', '1', 'bpf', 'direct-action', 'bytecode', '1,6 0 0 0'];
  for (const hook of ['ingress', 'egress'])
    await web.inNetns('tc', 'filter', 'add', 'dev', 'eth0', hook, ...keepsAll);
  const before = await sandbox.snapshot(web);
  const args = ['--pod=web', '--dest-node=node-b', '--filter=icmp'];
  const [sender = ''] = await sandbox.tap(...args);
  const there = await peer.address();
  const packets = await captureOnNode('node-b', sandbox.ifname, () => web.ping(there, 5));
  expect(pings(packets, 'request')).toEqual([1, 2, 3, 4, 5]);
  expect(pings(packets, 'reply')).toEqual([1, 2, 3, 4, 5]);
  expect(await sandbox.logs(sender)).toContain("the tap goes before others' programs");
  await sandbox.untap(...args);
  expect(await sandbox.snapshot(web)).toEqual(before);
});
