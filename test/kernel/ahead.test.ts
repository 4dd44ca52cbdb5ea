import { describe, expect } from 'vitest';
import { listTcx } from '#src/net/tcx.ts';
import { readAccount } from './support/account.ts';
import { addresses } from './support/addresses.ts';
import type { Agent } from './support/agent.ts';
import { Capture, isUdp } from './support/capture.ts';
import { type Net, test } from './support/net.ts';
import { attachTcx, hasTcx } from './support/tcx.ts';
import { sendUdp } from './support/traffic.ts';
import { end, soon } from './support/wait.ts';

const goesAhead = "the tap goes before others' programs, which could hide packets from it";

describe("where another's program would hide packets, the tap goes before it", () => {
  test('and copies what --filter asks for, each packet once and in the account', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    for (const hook of ['ingress', 'egress'] as const) await attachTcx(net, 'pod', 'eth0', hook, 'pass');
    const before = await net.snapshot('pod');
    const { sender } = await net.tap({ filter: 'udp and port 9' });
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendBothWays(net, 30, 9);
    await sendBothWays(net, 20, 10);
    expect((await atMirror.frames()).filter(isUdp)).toHaveLength(60);
    const { ingress, egress, receivedPackets } = await readAccount(net);
    for (const { copiedPackets, notMatchingPackets } of [ingress, egress]) {
      expect(copiedPackets).toBe(30);
      expect(notMatchingPackets).toBeGreaterThanOrEqual(20); // the rest are ICMP's answers
    }
    expect(receivedPackets).toBe(60);
    expect(sender.isReady()).toBe(true);
    await sender.stop();
    expect(await net.snapshot('pod')).toBe(before);
    expect(await programsAt(net)).toEqual(['theirs', 'theirs']);
  });

  test('also what asks for so many hosts that it becomes eBPF', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    await attachTcx(net, 'pod', 'eth0', 'ingress', 'pass');
    const hosts = Array.from({ length: 300 }, (_, at) => `host 10.9.${at >> 8}.${at & 255}`);
    const { sender } = await net.tap({
      filter: `(udp port 9 and host ${addresses.pod}) or ${hosts.join(' or ')}`,
    });
    expect(sender.log.map(({ msg }) => msg)).toContain(goesAhead);
    expect(await net.exec('pod', 'tc filter show dev mirror egress')).toMatch(/pref 7 [^\n]*filter-/);
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendBothWays(net, 30, 9);
    await sendBothWays(net, 20, 10);
    expect((await atMirror.frames()).filter(isUdp)).toHaveLength(60);
  });

  test('also on the same node, and with a whole packet in each copy', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    await attachTcx(net, 'pod', 'eth0', 'ingress', 'pass');
    await net.tapSameNode();
    const atMirror = await Capture.start(net, 'nodeA', 'mirror');
    const atPod = await Capture.start(net, 'pod', 'eth0');
    await sendBothWays(net, 30, 9);
    const [copies, originals] = [await atMirror.frames(), await atPod.frames()];
    expect(copies.filter(isUdp).toSorted()).toEqual(originals.filter(isUdp).toSorted());
    expect(copies.filter(isUdp)).toHaveLength(60);
  });

  test('also if that comes later, and again if another comes before it', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    const { sender } = await net.tap({ filter: 'udp' });
    const theirs = await attachTcx(net, 'pod', 'eth0', 'ingress', 'pass');
    await expect.poll(() => toldAfterTraffic(net, sender), soon).toContain(goesAhead);
    await expect.poll(() => sender.isReady(), soon).toBe(true);
    expect(await copied(net)).toBe(60);
    await attachTcx(net, 'pod', 'eth0', 'ingress', 'pass', 'before');
    await expect.poll(() => toldAfterTraffic(net, sender).then((told) => told.length), soon).toBe(2);
    await expect.poll(() => sender.isReady(), soon).toBe(true);
    expect(await copied(net)).toBe(60);
    await end(theirs, 'SIGKILL');
    expect(await copied(net)).toBe(60);
  });

  test('without a clsact qdisc, and leaves one that another makes then', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    const { sender } = await net.tap({ filter: 'udp' });
    expect(await qdiscs(net)).toContain('clsact');
    for (const hook of ['ingress', 'egress'] as const) await attachTcx(net, 'pod', 'eth0', hook, 'pass');
    await expect.poll(() => toldAfterTraffic(net, sender), soon).toContain(goesAhead);
    await expect.poll(() => qdiscs(net), soon).not.toContain('clsact');
    expect(await copied(net)).toBe(60);
    await net.exec('pod', 'tc qdisc add dev eth0 clsact');
    await net.ticks(4);
    expect(await qdiscs(net)).toContain('clsact');
    expect(await copied(net)).toBe(60);
    await sender.stop();
    expect(await qdiscs(net)).toContain('clsact');
  });

  test('also before a filter at preference 1, and back to filters without it', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    await net.exec('pod', 'tc qdisc add dev eth0 clsact');
    await net.exec('pod', 'tc filter add dev eth0 egress pref 1 bpf direct-action bytecode', '1,6 0 0 0');
    const { sender } = await net.tap({ filter: 'udp' });
    expect(await copied(net)).toBe(60);
    expect(await programsAt(net)).toEqual(['ahead_egress']);
    await net.exec('pod', 'tc filter delete dev eth0 egress pref 1');
    await expect.poll(() => programsAt(net), soon).toEqual([]);
    expect(await copied(net)).toBe(60);
    expect(sender.isReady()).toBe(true);
  });

  test('with another tap, and without a fight', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    await attachTcx(net, 'pod', 'eth0', 'ingress', 'pass');
    const { sender } = await net.tap({ filter: 'udp' });
    const other = net.startSender({ 'tap-id': net.otherTapId, vni: '101', ifname: 'other', filter: 'udp' });
    await other.logged(goesAhead);
    await other.logged('"state":"no-peer"');
    await net.exec('pod', 'ip link add net1 type veth peer name net2'); // both look again
    await net.ticks(4);
    for (const agent of [sender, other])
      expect(agent.log.filter(({ msg }) => msg === goesAhead)).toHaveLength(1);
    expect(await copied(net)).toBe(60);
    await other.stop();
    expect(await copied(net)).toBe(60);
  });

  test('also as the tap of a node, without copying copies', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    for (const hook of ['ingress', 'egress'] as const)
      await attachTcx(net, 'nodeA', 'underlay', hook, 'pass');
    await net.tapNode('nodeA', 'nodeB');
    const before = await readAccount(net);
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendUdp(net, 'nodeA', addresses.nodeB, { count: 30 });
    const frames = (await atMirror.frames()).filter(isUdp);
    expect(frames.filter((frame) => frame.includes('c0000201c0000202'))).toHaveLength(30);
    const { egress } = await readAccount(net);
    expect(egress.copiedPackets - before.egress.copiedPackets).toBe(30);
  });

  test('again where the mirror device was deleted', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    await attachTcx(net, 'pod', 'eth0', 'ingress', 'pass');
    const { sender } = await net.tap({ filter: 'udp' });
    await net.exec('pod', 'ip link delete mirror');
    const told = () => sender.log.filter(({ msg }) => msg === goesAhead).length;
    await expect.poll(told, soon).toBe(2);
    await expect.poll(() => sender.isReady(), soon).toBe(true);
    expect(await copied(net)).toBe(60);
  });

  test('and leaves nothing there when it is killed; the next one goes there again', async ({ net }) => {
    if (!hasTcx) return expectNoTcx(net);
    await net.quiet();
    await attachTcx(net, 'pod', 'eth0', 'ingress', 'pass');
    const { sender } = await net.tap({ filter: 'udp' });
    await sender.kill();
    await expect.poll(() => programsAt(net), soon).toEqual(['theirs']);
    await net.startSender({ filter: 'udp' }).ready();
    expect(await copied(net)).toBe(60);
  });
});

test('a kernel that does not let it leaves the tap behind, which says so', async ({ net }) => {
  await net.quiet();
  await net.exec('pod', 'tc qdisc add dev eth0 clsact');
  await net.exec('pod', 'tc filter add dev eth0 ingress pref 1 bpf direct-action bytecode', '1,6 0 0 0');
  const receiver = net.startReceiver();
  const sender = net.startSenderWithoutTcx({ filter: 'udp' });
  await receiver.ready();
  await sender.logged("the tap stays behind others' programs");
  await sender.ready();
  await expect.poll(() => toldAfterTraffic(net, sender).then(() => sender.isReady()), soon).toBe(false);
  await sender.logged('what eth0 receives: before it comes the bpf filter of preference 1"');
});

/** Linux before 6.6 has none: there nobody can put one before a tap. */
async function expectNoTcx(net: Net): Promise<void> {
  await expect(attachTcx(net, 'pod', 'eth0', 'ingress', 'pass')).rejects.toThrow('Invalid argument');
}

async function sendBothWays(net: Net, count: number, port: number): Promise<void> {
  await sendUdp(net, 'nodeA', addresses.pod, { count, port });
  await sendUdp(net, 'pod', addresses.gateway, { count, port });
}

function qdiscs(net: Net): Promise<string> {
  return net.exec('pod', 'tc qdisc show dev eth0');
}

/** The copies of 30 packets each way. */
async function copied(net: Net): Promise<number> {
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendBothWays(net, 30, 9);
  return (await atMirror.frames()).filter(isUdp).length;
}

/** Sends packets to the pod; how often the tap has said by then that it goes ahead. */
async function toldAfterTraffic(net: Net, sender: Agent): Promise<string[]> {
  await sendUdp(net, 'nodeA', addresses.pod, { count: 30 });
  return sender.log.flatMap(({ msg }) => (msg === goesAhead ? [msg] : []));
}

/** The names of the tcx programs of eth0. */
async function programsAt(net: Net): Promise<string[]> {
  const there = (await listTcx({ monitorPath: `/run/netns/${net.netns('pod')}` }, ['eth0'])).get('eth0');
  return [...(there?.ingress ?? []), ...(there?.egress ?? [])].map(({ name }) => name);
}
