import { renameSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { isFastPath, type Net, test } from './support/net.ts';
import { scaled } from './support/speed.ts';
import { sendUdp } from './support/traffic.ts';
import { soon, until } from './support/wait.ts';

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

  test('is also that nobody has confirmed it in time; then it is brought back when somebody does', async ({
    net,
  }) => {
    await net.quiet();
    const before = await Promise.all(everywhere.map((where) => net.snapshot(where)));
    const file = net.file('unconfirmed');
    // Nobody reads half of it, as of what the kubelet writes.
    const say = (text: string) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    say('3600');
    const { sender, receiver } = await net.tap({ unconfirmed: file });
    say('0');
    const snapshots = async () => Promise.all(everywhere.map((where) => net.snapshot(where)));
    await until(
      async () => isDeepStrictEqual(await snapshots(), before),
      'the tap is taken away',
      () => sender.output.slice(-4000),
    );
    expect([sender.isReady(), receiver.isReady()]).toEqual([false, false]);
    expect(sender.log.map(({ msg }) => msg)).toContain(
      'Whoever makes the tap has not confirmed it for 0 s: it is taken away',
    );
    say('');
    await Promise.all([sender.ready(), receiver.ready()]);
    expect(await Promise.all([sender.stop(), receiver.stop()])).toEqual([0, 0]);
    expect(await snapshots()).toEqual(before);
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

  test('takes one command for the copies, one for the filters, and one for nftables', async ({ net }) => {
    const { sender } = await net.tap({ 'log-level': 'debug', 'pod-ifname': 'all' });
    await sender.settled();
    const before = sender.commands().length;
    await sender.stop();
    const [first, ...others] = sender.commands().slice(before);
    expect(first).toMatch(/ip link delete dev mirror$/);
    expect(others.map((command) => command.replace(/^nsenter \S+ /, ''))).toEqual([
      'tc -force -batch -\nqdisc delete dev lo clsact\nqdisc delete dev eth0 clsact\n',
      ...(isFastPath ? [`ip link delete dev ks-${net.tapId}`] : []),
      expect.stringMatching(/^nft delete element/),
    ]);
  });

  test('interrupts what is under way on 300 interfaces', async ({ net }) => {
    await addInterfaces(net, 300);
    const before = await shape(net);
    const sender = net.startSender({ 'pod-ifname': 'all', 'log-level': 'debug' });
    await sender.logged('qdisc add dev v149 clsact');
    expect(await sender.stop()).toBe(0);
    expect(sender.output).not.toContain('"state":"no-peer"');
    expect(await shape(net)).toBe(before);
  });

  test('leaves nothing on 300 interfaces', async ({ net }) => {
    await addInterfaces(net, 300);
    const before = await shape(net);
    const sender = net.startSender({ 'pod-ifname': 'all' });
    await sender.logged('"state":"no-peer"');
    expect(await shape(net)).toContain('clsact ffff: dev v149');
    expect(await sender.stop()).toBe(0);
    expect(await shape(net)).toBe(before);
  });

  test('takes its filters off an interface that was renamed as soon as it was', async ({ net }) => {
    const { sender } = await net.tap();
    await net.exec('pod', 'ip link set eth0 down');
    await net.exec('pod', 'ip link set eth0 name eth0-nic');
    await sender.logged('waiting for interface eth0 of the target, which has lo, eth0-nic');
    await expect
      .poll(() => net.exec('pod', 'tc qdisc show'), soon)
      .not.toContain('clsact ffff: dev eth0-nic');
  });

  test('finds its filters on an interface that was renamed before the agent started anew', async ({
    net,
  }) => {
    const { sender } = await net.tap();
    await sender.kill();
    await net.exec('pod', 'ip link set eth0 down');
    await net.exec('pod', 'ip link set eth0 name eth0-nic');
    const again = net.startSender();
    await again.logged('waiting for interface eth0');
    await again.stop();
    expect(await net.exec('pod', 'tc qdisc show')).not.toContain('clsact');
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

/** The pod's interfaces and qdiscs; a qdisc takes its filters with it. */
async function shape(net: Net): Promise<string> {
  return (await net.exec('pod', 'ip link show')) + (await net.exec('pod', 'tc qdisc show'));
}

/** Pairs of interfaces in the pod: v0 and w0, v1 and w1, … */
async function addInterfaces(net: Net, count: number): Promise<void> {
  const pairs = Array.from({ length: count / 2 }, (_, at) => `link add v${at} type veth peer name w${at}`);
  const file = net.file('interfaces');
  writeFileSync(file, pairs.join('\n'));
  await net.exec('pod', `ip -batch ${file}`);
}
