import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { listLeases, readLeases } from '#src/net/leases.ts';
import { addresses } from '../support/addresses.ts';
import type { Net } from '../support/net.ts';
import { test } from '../support/net.ts';
import type { Where } from '../support/network.ts';
import { scaled } from '../support/speed.ts';
import { sendUdp } from '../support/traffic.ts';
import { patienceMs } from '../support/wait.ts';

const leaseMs = 5000;
const short = { 'lease-ms': String(leaseMs) };
/** Leaves out ARP, and the ICMP errors that answer datagrams nobody waits for. */
const filter = 'udp';
const other = { 'tap-id': '112233445566', vni: '101', ifname: 'other', ...short };
const within = { timeout: patienceMs + 2 * leaseMs, interval: 200 };

describe('copies whose agent is gone', () => {
  test('end with its lease', async ({ net }) => {
    await net.withoutIPv6();
    const { sender } = await net.tap({ 'lease-ms': String(scaled(leaseMs)), filter });
    await sender.kill();
    expect(await copiesOf(net, 20)).toBe(20);
    await sleep(scaled(leaseMs) + 500);
    expect(await copiesOf(net, 20)).toBe(0);
    // They are in the account, as what the device did not take.
    const end = (await net.status('nodeA')).find(({ role }) => role === 'sender');
    expect(end).toMatchObject({
      copies: { ingress: { copiedPackets: 40 } },
      sentPackets: 20,
      refusedCopies: 20,
    });
  });

  test('go on when it starts anew, also after the lease ended', async ({ net }) => {
    await net.withoutIPv6();
    const { sender } = await net.tap({ ...short, filter });
    await sender.kill();
    await sleep(leaseMs + 500);
    const again = net.startSender({ ...short, filter });
    await again.ready();
    expect(await copiesOf(net, 20)).toBe(20);
    await sleep(1.5 * leaseMs);
    expect(await copiesOf(net, 20)).toBe(20);
  });

  test('go on after a pause of the agent that was longer than its lease', async ({ net }) => {
    await net.withoutIPv6();
    const { sender } = await net.tap({ ...short, filter });
    sender.child.kill('SIGSTOP');
    await sleep(leaseMs + 500);
    expect(await copiesOf(net, 20)).toBe(0);
    sender.child.kill('SIGCONT');
    await expect.poll(() => copiesOf(net, 20), within).toBe(20);
  });
});

describe('what a killed agent left', () => {
  test("is removed by another tap's sender when its lease has ended, and not before", async ({ net }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    const otherTap = await net.tap(other);
    const { sender } = await net.tap({ 'lease-ms': String(3 * leaseMs) });
    await sender.kill();
    await sleep(1.5 * leaseMs);
    expect(await net.exec('pod', 'ip link show')).toContain('mirror');
    await otherTap.sender.logged('removed what taps left that no agent keeps');
    expect(await net.exec('pod', 'ip link show')).not.toContain('mirror');
    expect(await net.exec('pod', 'tc filter show dev eth0 ingress')).not.toContain('dev mirror');
    expect(otherTap.sender.isReady()).toBe(true);
    expect(await otherTap.sender.stop()).toBe(0);
    expect(await net.snapshot('pod')).toBe(before);
  });

  test('is removed in the node as well, also when the pod is gone', async ({ net }) => {
    await net.quiet();
    await net.forward();
    const keeper = net.startSender(other);
    await keeper.logged('"state":"no-peer"');
    for (const isGone of [false, true]) {
      const { sender, receiver } = await net.tap({ ...short, 'fast-path': '' });
      await sender.kill();
      await receiver.stop();
      expect(await hasLink(net, 'nodeA', `ks-${net.tapId}`)).toBe(true);
      if (isGone) await net.stopPod();
      await expect.poll(() => hasLink(net, 'nodeA', `ks-${net.tapId}`), within).toBe(false);
      if (!isGone) expect(await net.exec('pod', 'ip link show')).not.toContain('mirror');
    }
    expect(await keeper.stop()).toBe(0);
  });

  test('stays while its agent lives but may not renew the lease', async ({ net }) => {
    const otherTap = await net.tap(other);
    const { sender } = await net.tap(short);
    sender.child.kill('SIGSTOP');
    await sleep(2 * leaseMs);
    expect(await net.exec('pod', 'ip link show')).toContain('mirror');
    expect(otherTap.sender.output).not.toContain('removed what taps left');
    sender.child.kill('SIGCONT');
    expect(await sender.stop()).toBe(0);
  });

  test("of a receiver is removed by another tap's receiver after the time of a lease", async ({ net }) => {
    const otherTap = await net.tap(other);
    const { receiver } = await net.tap(short);
    await receiver.kill();
    await expect.poll(() => hasLink(net, 'nodeB', 'mirror'), within).toBe(false);
    await otherTap.receiver.logged('removed what taps left that no agent keeps');
    expect(await hasLink(net, 'nodeB', 'other')).toBe(true);
  });
});

test('an entry of nftables whose agent is gone is removed after the time of a lease, and not before', async ({
  net,
}) => {
  const otherTap = await net.tap(other);
  await net.exec('nodeA', `nft add table inet kokotap-${net.otherTapId}-sender`);
  const { sender } = await net.tap({ 'lease-ms': '1000' });
  await sender.kill();
  // With the netns of the pod everything else of the tap is gone, its lease as well.
  await net.exec('pod', 'ip link delete mirror');
  const rules = () => net.exec('nodeA', 'nft list ruleset');
  await sleep(leaseMs / 2);
  expect(await rules()).toContain(net.tapId);
  await expect.poll(rules, within).not.toContain(net.tapId);
  await expect.poll(rules, within).not.toContain(net.otherTapId);
  expect(await rules()).toContain('goto tap-112233445566-sender');
  expect(await otherTap.sender.stop()).toBe(0);
  expect(await rules()).toBe('');
});

test('leases are read although the maps of other taps are gone by then', async ({ net }) => {
  await net.tap();
  const own = (await listLeases()).filter(({ tap }) => tap === net.tapId);
  const [mapId = 0] = own.map((lease) => lease.mapId);
  const noMap = 0xffff_fff0;
  expect(await readLeases([noMap, mapId, noMap])).toEqual([
    expect.objectContaining({ mapId, tap: net.tapId }),
  ]);
  expect(own).toHaveLength(1);
});

async function hasLink(net: Net, where: Where, name: string): Promise<boolean> {
  return (await net.exec(where, 'ip -oneline link show')).includes(` ${name}: `);
}

/** Sends datagrams to the pod and says how many copies came to the receiver's device. */
async function copiesOf(net: Net, count: number): Promise<number> {
  const before = await received(net);
  await sendUdp(net, 'nodeA', addresses.pod, { count, maxBytes: 200 });
  await sleep(200);
  return (await received(net)) - before;
}

async function received(net: Net): Promise<number> {
  const shown = await net.exec('nodeB', 'tc -stats qdisc show dev mirror');
  return Number(/Sent \d+ bytes (\d+) pkt/.exec(shown.slice(shown.indexOf('clsact')))?.[1]);
}
