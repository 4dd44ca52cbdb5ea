import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { kokotap } from './support/lab.ts';
import { type Packet, pings } from './support/packets.ts';
import { snapshot } from './support/pod.ts';
import { pair, test } from './support/sandbox.ts';

test('two taps into one node each show their own pod', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const shop = await sandbox.startPod({ name: 'shop', node: 'node-a' });
  const before = await snapshot(web);
  const first = ['--pod=web', '--dest-node=node-b'];
  const second = ['--pod=shop', '--dest-node=node-b', '--ifname=mirror2'];
  await sandbox.tap(...first);
  await sandbox.tap(...second);
  const there = await peer.address();
  const both = async (): Promise<void> => {
    await web.ping(there, 2);
    await shop.ping(there, 3);
  };
  let onSecond: Packet[] = [];
  const onFirst = await captureOnNode('node-b', 'mirror', async () => {
    onSecond = await captureOnNode('node-b', 'mirror2', both);
  });
  expect(pings(onFirst, 'request')).toEqual([1, 2]);
  expect(pings(onSecond, 'request')).toEqual([1, 2, 3]);
  expect(new Set(onFirst.map(({ source }) => source))).toEqual(new Set([await web.address(), there]));
  expect(new Set(onSecond.map(({ source }) => source))).toEqual(new Set([await shop.address(), there]));

  await sandbox.untap(...second);
  const packets = await captureOnNode('node-b', 'mirror', both);
  expect(pings(packets, 'request')).toEqual([1, 2]);
  await sandbox.untap(...first);
  expect(await snapshot(web)).toEqual(before);
});

test('a second tap with the name of a running one is refused and leaves the first alone', async ({
  sandbox,
}) => {
  const { web, peer } = await pair(sandbox);
  await sandbox.tap('--pod=web', '--dest-node=node-b');
  const second = await kokotap(['--pod=web', '--dest-node=node-a', `--namespace=${sandbox.namespace}`]);
  expect(second.stdout).toBe('');
  expect(second.stderr).toContain(
    'is of the tap to node/node-b: delete it first, or give this tap another --ifname',
  );
  const there = await peer.address();
  const packets = await captureOnNode('node-b', 'mirror', () => web.ping(there, 2));
  expect(pings(packets, 'request')).toEqual([1, 2]);
});
