import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { type Packet, pings } from './support/packets.ts';
import { pair, test } from './support/sandbox.ts';

test('two taps into one node each show their own pod', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const shop = await sandbox.startPod({ name: 'shop', node: 'node-a' });
  const before = await sandbox.snapshot(web);
  const secondIfname = `${sandbox.ifname}2`;
  const first = ['--pod=web', '--dest-node=node-b'];
  const second = ['--pod=shop', '--dest-node=node-b', `--ifname=${secondIfname}`];
  await sandbox.tap(...first);
  await sandbox.tap(...second);
  const there = await peer.address();
  const both = async (): Promise<void> => {
    await web.ping(there, 2);
    await shop.ping(there, 3);
  };
  let onSecond: Packet[] = [];
  const onFirst = await captureOnNode('node-b', sandbox.ifname, async () => {
    onSecond = await captureOnNode('node-b', secondIfname, both);
  });
  expect(pings(onFirst, 'request')).toEqual([1, 2]);
  expect(pings(onSecond, 'request')).toEqual([1, 2, 3]);
  const [ofWeb, ofShop] = await Promise.all([web.address(), shop.address()]);
  const own = new Set([ofWeb, ofShop, there]);
  // A bridge floods all its pods with packets to one that has gone: those of other tests' pods are left out.
  const sources = (packets: readonly Packet[]): Set<string> =>
    new Set(packets.map(({ source }) => source).filter((source) => own.has(source)));
  expect(sources(onFirst)).toEqual(new Set([ofWeb, there]));
  expect(sources(onSecond)).toEqual(new Set([ofShop, there]));

  await sandbox.untap(...second);
  const packets = await captureOnNode('node-b', sandbox.ifname, both);
  expect(pings(packets, 'request')).toEqual([1, 2]);
  await sandbox.untap(...first);
  expect(await sandbox.snapshot(web)).toEqual(before);
});
