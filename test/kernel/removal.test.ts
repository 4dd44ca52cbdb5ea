import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { test } from './support/net.ts';
import { scaled } from './support/speed.ts';
import { sendUdp } from './support/traffic.ts';

const everywhere = ['nodeA', 'nodeB', 'pod'] as const;

describe('the end of a tap', () => {
  test('leaves links, qdiscs, filters, routes and sysctls as they were, and exits 0', async ({ net }) => {
    await net.quiet();
    const before = await Promise.all(everywhere.map((where) => net.snapshot(where)));
    const { sender, receiver } = await net.tap();
    await sendUdp(net, 'nodeA', addresses.pod);
    expect(await Promise.all([sender.stop(), receiver.stop()])).toEqual([0, 0]);
    expect(await Promise.all(everywhere.map((where) => net.snapshot(where)))).toEqual(before);
  });

  test('leaves nothing of a veth pair on the same node', async ({ net }) => {
    await net.quiet();
    const before = await Promise.all(everywhere.map((where) => net.snapshot(where)));
    const { sender, receiver } = await net.tapSameNode();
    expect(await Promise.all([sender.stop(), receiver.stop()])).toEqual([0, 0]);
    expect(await Promise.all(everywhere.map((where) => net.snapshot(where)))).toEqual(before);
  });

  for (const afterMs of [0, 50, 100, 150, 200, 250, 300, 350, 400]) {
    test(`leaves nothing when the signal comes ${afterMs} ms after the start`, async ({ net }) => {
      await net.quiet();
      const before = await Promise.all(everywhere.map((where) => net.snapshot(where)));
      const sender = net.startSender();
      await new Promise((resolve) => setTimeout(resolve, scaled(afterMs)));
      const exitCode = await sender.stop();
      // Before Node.js has installed the handler the signal itself ends it, with nothing made yet.
      expect([0, null]).toContain(exitCode);
      expect(await Promise.all(everywhere.map((where) => net.snapshot(where)))).toEqual(before);
    });
  }

  test('signalled while it starts over what a killed agent left takes that away', async ({ net }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    let ended = 0;
    for (const afterMs of [250, 300, 350, 400, 800, 1600]) {
      const { sender, receiver } = await net.tap();
      await sender.kill();
      const again = net.startSender();
      await new Promise((resolve) => setTimeout(resolve, scaled(afterMs)));
      const exitCode = await again.stop();
      await receiver.stop();
      // Before Node.js has installed the handler the signal itself ends it; the next one starts over the same.
      if (exitCode === null) continue;
      ended++;
      expect(exitCode).toBe(0);
      expect(await net.snapshot('pod')).toBe(before);
    }
    expect(ended).toBeGreaterThan(0);
  });

  test('leaves an interface without a queue, as CNI plugins make them, without one', async ({ net }) => {
    await net.exec('pod', 'ip link set eth0 txqueuelen 0');
    await net.quiet();
    const before = await net.snapshot('pod');
    const { sender } = await net.tap();
    expect(await net.exec('pod', 'ip link show eth0')).not.toContain('qlen');
    await sender.stop();
    expect(await net.snapshot('pod')).toBe(before);
  });

  test('keeps a clsact qdisc that was there before, empty or not', async ({ net }) => {
    await net.exec('pod', 'tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact');
    const { sender } = await net.tap();
    await sender.stop();
    expect(await net.exec('pod', 'tc', 'qdisc', 'show', 'dev', 'eth0')).toContain('clsact');
  });

  test("keeps the qdisc it made while someone else's filter is on it", async ({ net }) => {
    const { sender } = await net.tap();
    await net.exec('pod', 'tc filter add dev eth0 ingress protocol all pref 20 u32 match u32 0 0 flowid 1:1');
    await sender.stop();
    expect(await net.exec('pod', 'tc', 'filter', 'show', 'dev', 'eth0', 'ingress')).toContain('pref 20 u32');
    expect(await net.exec('pod', 'tc', 'filter', 'show', 'dev', 'eth0', 'ingress')).not.toContain('mirred');
  });

  test('of one of two taps of a pod leaves the other whole; the last takes the qdisc away', async ({
    net,
  }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    const first = await net.tap();
    const second = await net.tap({ 'tap-id': '112233445566', ifname: 'tap2', vni: '101' });
    await first.sender.stop();
    await first.receiver.stop();
    const links = await net.exec('pod', 'ip', 'link', 'show');
    expect(links).not.toContain('mirror');
    expect(links).toContain('tap2');
    expect(second.sender.isReady()).toBe(true);
    const received = async () => net.exec('nodeB', 'ip', '-s', 'link', 'show', 'dev', 'tap2');
    const was = await received();
    await sendUdp(net, 'nodeA', addresses.pod);
    expect(await received()).not.toBe(was);
    await second.sender.stop();
    expect(await net.snapshot('pod')).toBe(before);
  });
});
