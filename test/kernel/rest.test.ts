import { expect } from 'vitest';
import { readySocket } from '#src/tap/ownership/readySocket.ts';
import { type Net, test } from './support/net.ts';
import type { Node } from './support/network.ts';
import { soon } from './support/wait.ts';

/** In ticks: longer than any period of an agent at rest. */
const restTicks = 12;
/** Within these ticks it is renewed, and leftovers are searched for, several times. */
const leaseMs = '6000';

test('an agent at rest starts no process', async ({ net }) => {
  const { sender, receiver } = await net.tap({ 'log-level': 'debug', 'lease-ms': leaseMs });
  const recent = await Promise.all([sender, receiver].map((agent) => settledCommands(net, agent)));
  expect(recent).toEqual([[], []]);
});

test('at rest an agent sees that its entry of nftables, or the path, is another one', async ({ net }) => {
  const { receiver } = await net.tap({ 'log-level': 'debug' });
  await settledCommands(net, receiver);
  await net.exec('nodeB', 'nft delete table inet kokotap');
  const table = () => net.exec('nodeB', 'nft list tables');
  await expect.poll(table, soon).toContain('kokotap');
  await net.exec('nodeA', 'ip link set underlay mtu 1400');
  const mtu = async () => /mtu (\d+)/u.exec(await net.exec('pod', 'ip link show mirror'))?.[1];
  await expect.poll(mtu, soon).toBe('1350');
});

test('while it is ready, and not before and after, it listens where the kubelet asks', async ({ net }) => {
  const receiver = net.startReceiver();
  await receiver.logged('"state":"no-peer"');
  expect(await answers(net, 'nodeB')).toBe(false);
  const sender = net.startSender();
  await Promise.all([sender.ready(), receiver.ready()]);
  await expect.poll(() => answers(net, 'nodeB'), soon).toBe(true);
  await sender.kill();
  await receiver.logged(/"state":"ready"[^]*"state":"no-peer"/u);
  await expect.poll(() => answers(net, 'nodeB'), soon).toBe(false);
});

/** The commands of the last ticks, once there are none. */
async function settledCommands(net: Net, agent: { commands(): string[] }): Promise<readonly string[]> {
  let recent: readonly string[] = [];
  for (let tries = 0; tries < 6; tries++) {
    const before = agent.commands().length;
    await net.ticks(restTicks);
    recent = agent.commands().slice(before);
    if (recent.length === 0) return recent;
  }
  return recent;
}

/** Whether a connection is taken, from within the node. */
async function answers(net: Net, node: Node): Promise<boolean> {
  const { address, port } = readySocket('receiver', net.tapId);
  const said = await net.exec(
    node,
    'bash',
    '-c',
    `true <>/dev/tcp/${address}/${port} && echo yes || echo no`,
  );
  return said.trim() === 'yes';
}
