import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { production, test } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

describe('the target', () => {
  test('not there yet is waited for', async ({ net }) => {
    await net.stopPod();
    const receiver = net.startReceiver();
    const sender = net.startSender();
    await sender.logged(`waiting for a running container of the pod with UID ${net.podUid} on this node`);
    await receiver.logged('nothing of the sender comes from 192.0.2.1 by UDP port 4789');
    expect([sender.isReady(), receiver.isReady()]).toEqual([false, false]);
    await net.startPod();
    await Promise.all([sender.ready(), receiver.ready()]);
  });

  test('made anew in another network namespace is followed within 5 s; the old namespace is let go', async ({
    net,
  }) => {
    const { sender, receiver } = await net.tap(production);
    await net.stopPod();
    await sender.logged('"state":"waiting"');
    expect(sender.isReady()).toBe(false);
    await expect.poll(() => receiver.isReady(), soon).toBe(false);
    await net.startPod();
    await Promise.all([sender.ready(), receiver.ready()]);
    const received = async () => net.exec('nodeB', 'ip', '-s', 'link', 'show', 'dev', 'mirror');
    const was = await received();
    await sendUdp(net, 'nodeA', addresses.pod);
    expect(await received()).not.toBe(was);
    expect(await sender.stop()).toBe(0);
    expect(await net.exec('pod', 'ip', 'link', 'show')).not.toContain('mirror');
  });

  test('without a process for a while is tapped again in the same namespace', async ({ net }) => {
    const { sender } = await net.tap();
    await net.stopContainer();
    await sender.logged('"state":"waiting"');
    expect(await net.exec('pod', 'ip', 'link', 'show')).not.toContain('mirror');
    net.startContainer();
    await sender.ready();
    expect(await net.exec('pod', 'ip', 'link', 'show')).toContain('mirror');
  });

  test('without the interface is waited for, and the interfaces it has are named', async ({ net }) => {
    const sender = net.startSender({ 'pod-ifname': 'net1' });
    await sender.logged('waiting for interface net1 of the target, which has lo, eth0');
    await net.exec('pod', 'ip', 'link', 'add', 'net1', 'type', 'veth', 'peer', 'name', 'net1-end');
    await sender.logged('"state":"no-peer"');
    expect(await net.exec('pod', 'tc', 'filter', 'show', 'dev', 'net1', 'egress')).toContain('mirred');
  });
});
