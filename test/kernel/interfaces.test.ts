import { existsSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { addresses, second } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import type { Agent } from './support/agent.ts';
import { type Net, test } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

const filter = 'udp';

describe('several interfaces', () => {
  test('are copied to one mirror, and their account is their sum', async ({ net }) => {
    await net.quiet();
    await net.addSecondInterface('veth');
    await net.tap({ 'pod-ifname': 'eth0,net1', filter });
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendUdp(net, 'pod', addresses.gateway, { count: 30 });
    await sendUdp(net, 'pod', second.gateway, { count: 50 });
    await sendUdp(net, 'nodeA', addresses.pod, { count: 70 });
    await sendUdp(net, 'nodeA', second.pod, { count: 90 });
    expect((await atMirror.frames()).filter(isUdp)).toHaveLength(240);
    expect(await account(net)).toMatchObject({
      copies: { egress: { copiedPackets: 80 }, ingress: { copiedPackets: 160 } },
      sentPackets: 240,
      receivedPackets: 240,
    });
  });

  test('are waited for, each by its name', async ({ net }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    const sender = net.startSender({ 'pod-ifname': 'eth0,net1,net2' });
    await sender.logged('waiting for interface net1 and net2 of the target, which has lo, eth0');
    expect(await net.snapshot('pod')).toBe(before);
    await net.addSecondInterface('veth');
    await sender.logged('waiting for interface net2 of the target, which has lo, eth0, net1');
  });

  test('have other names, by which they are tapped as well', async ({ net }) => {
    await net.quiet();
    const name = 'enx0123456789ab-of-more-than-15-characters';
    await net.exec('pod', `ip link property add dev eth0 altname ${name}`);
    await net.addSecondInterface('veth');
    const other = net.startSender({ 'pod-ifname': 'eth1' });
    await other.logged(`waiting for interface eth1 of the target, which has lo, eth0 (${name}), net1`);
    await other.stop();
    await net.tap({ 'pod-ifname': `${name},net1`, filter });
    expect(await copyingInterfaces(net)).toEqual(['eth0', 'net1']);
    await sendUdp(net, 'nodeA', addresses.pod, { count: 30 });
    expect(await account(net)).toMatchObject({ copies: { ingress: { copiedPackets: 30 } } });
  });

  test('leave each its qdisc as it was', async ({ net }) => {
    await net.quiet();
    await net.addSecondInterface('veth');
    await net.exec('pod', 'tc qdisc add dev eth0 clsact');
    const before = await net.snapshot('pod');
    const { sender } = await net.tap({ 'pod-ifname': 'eth0,net1' });
    expect(await net.exec('pod', 'tc qdisc show dev net1')).toContain('clsact');
    await sender.stop();
    expect(await net.snapshot('pod')).toBe(before);
  });

  test.for([
    ['the filters of one', 'tc filter delete dev net1 ingress', 'tc filter delete dev net1 egress'],
    ['the device', 'ip link delete mirror'],
  ])('are cleaned up by an agent that starts anew after the loss of %s', async ([, ...losses], { net }) => {
    await net.quiet();
    await net.addSecondInterface('veth');
    await net.exec('pod', 'tc qdisc add dev eth0 clsact');
    const before = await net.snapshot('pod');
    const { sender } = await net.tap({ 'pod-ifname': 'eth0,net1' });
    await sender.kill();
    for (const loss of losses) await net.exec('pod', loss);
    const again = net.startSender({ 'pod-ifname': 'eth0,net1' });
    await again.ready();
    await again.stop();
    expect(await net.snapshot('pod')).toBe(before);
  });

  test('without an Ethernet header are refused by name', async ({ net }) => {
    await net.quiet();
    await net.exec('pod', 'ip tuntap add tun0 mode tun');
    const before = await net.snapshot('pod');
    const sender = net.startSender({ 'pod-ifname': 'eth0,tun0' });
    await sender.logged('Interface tun0 has no Ethernet header on its packets (it is of type none)');
    expect(sender.isReady()).toBe(false);
    expect(await net.snapshot('pod')).toBe(before);
  });
});

describe('all interfaces', () => {
  test('are copied, also one that comes later; no mirror and none without an Ethernet header', async ({
    net,
  }) => {
    await net.quiet();
    await net.exec('pod', 'ip tuntap add tun0 mode tun');
    const before = await net.snapshot('pod');
    const { sender } = await net.tap({ 'pod-ifname': 'all', filter });
    const other = net.startSender({ 'tap-id': '112233445566', vni: '101', ifname: 'other' });
    await other.logged('"state":"no-peer"');
    await net.addSecondInterface('veth');
    await expect.poll(() => copyingInterfaces(net), soon).toEqual(['eth0', 'lo', 'net1']);
    await sendUdp(net, 'nodeA', second.pod, { count: 20 });
    await sendUdp(net, 'nodeA', addresses.pod, { count: 30 });
    expect(await account(net)).toMatchObject({ copies: { ingress: { copiedPackets: 50 } } });
    await other.stop();
    await net.exec('pod', 'ip link delete net1');
    expect(await sender.stop()).toBe(0);
    expect(await net.snapshot('pod')).toBe(before);
  });

  test('may go away while they are copied: that is no failure, and the account still adds up', async ({
    net,
  }) => {
    await net.quiet();
    const { sender } = await net.tap({ 'pod-ifname': 'all', filter });
    for (let round = 0; round < 3; round++) {
      await net.addSecondInterface('veth');
      await expect.poll(() => copyingInterfaces(net), soon).toEqual(['eth0', 'lo', 'net1']);
      await sendUdp(net, 'nodeA', second.pod, { count: 20 });
      await net.exec('pod', 'ip link delete net1');
    }
    await sendUdp(net, 'nodeA', addresses.pod, { count: 30 });
    const { copies, ...ends } = await account(net);
    expect(copies?.ingress).toMatchObject({ copiedPackets: 90 });
    // What the filter left out on the interfaces that are gone is forgotten; ARP may be seen on the one that is left.
    const { seenPackets = 0, notMatchingPackets = 0 } = copies?.ingress ?? {};
    expect(seenPackets - notMatchingPackets).toBe(90);
    expect(ends).toMatchObject({ sentPackets: 90, receivedPackets: 90 });
    expectNoFailure(sender);
    expect(sender.isReady()).toBe(true);
  });

  test('one that goes while it is being tapped is no failure', async ({ net }) => {
    const flag = net.file('once');
    // tc knows the number of the interface by its first line, and at the second one the kernel does not.
    const between = `{ IFS= read -r first; echo "$first"; sleep 0.5; ip link delete net1; cat; }`;
    const sender = net.startSenderWithTc(
      `case $INPUT in *'qdisc add dev net1'*) [ -e ${flag} ] || { touch ${flag}; echo "$INPUT" | ${between} | $TC "$@"; exit; };; esac`,
      { 'pod-ifname': 'all', filter },
    );
    await sender.logged('"state":"no-peer"');
    await net.exec('pod', 'ip link add net1 type veth peer name net2');
    await expect.poll(() => existsSync(flag), soon).toBe(true);
    await expect.poll(() => net.exec('pod', 'ip -brief link'), soon).not.toContain('net1');
    await net.exec('pod', 'ip link add net1 type veth peer name net2');
    await expect.poll(() => copyingInterfaces(net), soon).toEqual(['eth0', 'lo', 'net1', 'net2']);
    expectNoFailure(sender);
  });

  test('that come and go all the time are no failure', async ({ net }) => {
    const { sender } = await net.tap({ 'pod-ifname': 'all', filter });
    const endMs = performance.now() + 5000;
    while (performance.now() < endMs) {
      await net.exec('pod', 'ip link add net1 type veth peer name net2');
      await net.exec('pod', 'ip link delete net1');
    }
    await expect.poll(() => copyingInterfaces(net), soon).toEqual(['eth0', 'lo']);
    expectNoFailure(sender);
  });
});

describe('what passes lo', () => {
  for (const type of ['ingress', 'egress', 'both'])
    test(`is copied once with --mirror-type=${type}`, async ({ net }) => {
      await net.tap({ 'pod-ifname': 'lo', 'mirror-type': type, filter });
      const atMirror = await Capture.start(net, 'nodeB', 'mirror');
      await sendUdp(net, 'pod', '127.0.0.1', { count: 40 });
      expect((await atMirror.frames()).filter(isUdp)).toHaveLength(40);
    });

  test('gets to a mirror on the same node whole, however large it is', async ({ net }) => {
    await net.tapSameNode({ 'pod-ifname': 'lo' });
    const atMirror = await Capture.start(net, 'nodeA', 'mirror', 65_600);
    await sendUdp(net, 'pod', '127.0.0.1', { count: 10, minBytes: 65_507, maxBytes: 65_507 });
    const frames = (await atMirror.frames()).filter(isUdp);
    expect(frames.map((frame) => frame.length / 2)).toEqual(Array.from({ length: 10 }, () => 65_549));
  });

  test('gets to another node too, where those too long for an IP packet lose their last bytes', async ({
    net,
  }) => {
    await net.tap({ 'pod-ifname': 'lo' });
    const atMirror = await Capture.start(net, 'nodeB', 'mirror', 65_600);
    await sendUdp(net, 'pod', '127.0.0.1', { count: 10, minBytes: 65_507, maxBytes: 65_507 });
    await sendUdp(net, 'pod', '127.0.0.1', { count: 10, minBytes: 65_000, maxBytes: 65_000 });
    const lengths = (await atMirror.frames()).filter(isUdp).map((frame) => frame.length / 2);
    expect(lengths).toEqual([
      ...Array.from({ length: 10 }, () => 15_000),
      ...Array.from({ length: 10 }, () => 65_042),
    ]);
  });
});

async function account(net: Net) {
  const ends = await net.status('nodeA');
  const [sender, receiver] = ['sender', 'receiver'].map((role) => ends.find((end) => end.role === role));
  return { ...sender, receivedPackets: receiver?.receivedPackets };
}

async function copyingInterfaces(net: Net): Promise<string[]> {
  const filters = (await net.status('nodeA')).flatMap((end) => end.filters);
  const copying = filters.filter(({ does }) => does === 'copy to mirror');
  return [...new Set(copying.map((each) => each.interface))].toSorted();
}

function expectNoFailure(sender: Agent): void {
  expect(sender.log.filter(({ state }) => state === 'failing')).toEqual([]);
}
