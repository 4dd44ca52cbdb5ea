import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { pings } from './support/packets.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

test('copies with --fast-path go past the IP stack of the node and arrive, and nothing is left', async ({
  sandbox,
}) => {
  const { web, peer } = await pair(sandbox);
  const before = await sandbox.snapshot(web);
  const names = await sandbox.tap('--pod=web', '--dest-node=node-b', '--fast-path');
  const [sender = ''] = names;
  await until('copies may go past', async () => (await pathOf(sandbox, sender)).path === 'bypass');
  const start = (await pathOf(sandbox, sender)).bypassedPackets;
  const there = await peer.address();
  const packets = await captureOnNode('node-b', sandbox.ifname, async () => {
    await web.ping(there, 3);
  });
  expect(pings(packets, 'request')).toEqual([1, 2, 3]);
  expect(pings(packets, 'reply')).toEqual([1, 2, 3]);
  expect((await pathOf(sandbox, sender)).bypassedPackets).toBeGreaterThanOrEqual(start + 6);
  const tap = await sandbox.tapId(sender);
  expect((await sandbox.traces()).filter((line) => line.includes(`kokotap:${tap}`))).toHaveLength(3);
  await sandbox.delete('pods', ...names);
  expect(await sandbox.snapshot(web)).toEqual(before);
  expect(await sandbox.traces()).toEqual([]);
});

async function pathOf(sandbox: Sandbox, sender: string): Promise<{ path: string; bypassedPackets: number }> {
  const tap = `--tap-id=${await sandbox.tapId(sender)}`;
  const json = await sandbox.kubectl('exec', sender, '--', 'kokotap-agent', 'status', tap);
  return JSON.parse(json).observed.find(({ role }: { role: string }) => role === 'sender');
}
