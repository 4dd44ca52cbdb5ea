import { describe, expect } from 'vitest';
import { type Received, reportPacket } from '#src/tap/packets/receiverReport.ts';
import { addresses } from './support/addresses.ts';
import { ethernet } from './support/frames.ts';
import { type Net, production, test } from './support/net.ts';
import { sendDatagram, sendFrames, sendUdp } from './support/traffic.ts';
import { patienceMs, soon } from './support/wait.ts';

const filter = 'udp';

describe('what becomes of copies between the two ends', () => {
  test('is known at the sender: sent is received and lost', async ({ net }) => {
    await net.quiet();
    const { sender } = await net.tap({ filter, ...production });
    await sender.logged('the largest copies get to the receiver');
    await sendUdp(net, 'pod', addresses.gateway, { count: 50, maxBytes: 100 });
    await expectDelivered(net, { sentPackets: 50, reportedPackets: 50, lostPackets: 0 });

    await swallow(net, 200);
    await sendUdp(net, 'pod', addresses.gateway, { count: 30, minBytes: 400, maxBytes: 400 });
    await sendUdp(net, 'pod', addresses.gateway, { count: 20, maxBytes: 100 });
    await expectDelivered(net, { sentPackets: 100, reportedPackets: 70, lostPackets: 30 });
    await sender.logged('"lostPackets":30,"msg":"copies are being lost on their way to the receiver"');
    await sender.logged('"lostPackets":30,"msg":"no more copies are lost"');
    await swallowNothing(net);
    await sendUdp(net, 'pod', addresses.gateway, { count: 30, minBytes: 400, maxBytes: 400 });
    await expectDelivered(net, { sentPackets: 130, reportedPackets: 100, lostPackets: 30 });
  });

  test('is known across restarts of both agents, and of the device at the receiver', async ({ net }) => {
    await net.quiet();
    const { sender, receiver } = await net.tap({ filter });
    const send = () => sendUdp(net, 'pod', addresses.gateway, { count: 50, maxBytes: 100 });
    await send();
    await expectDelivered(net, { sentPackets: 50, reportedPackets: 50, lostPackets: 0 });
    await Promise.all([sender.kill(), receiver.kill()]);
    await net.exec('nodeB', 'ip', 'link', 'delete', 'mirror');
    await send();
    await Promise.all([net.startSender({ filter }).ready(), net.startReceiver().ready()]);
    await send();
    await expectDelivered(net, { sentPackets: 150, reportedPackets: 100, lostPackets: 50 });
  });

  test("does not count what the receiver's own node sends by its device", async ({ net }) => {
    await net.quiet();
    const { sender } = await net.tap({ filter });
    await sender.logged('the largest copies get to the receiver');
    await swallow(net, 200);
    await sendUdp(net, 'pod', addresses.gateway, { count: 30, minBytes: 400, maxBytes: 400 });
    await swallowNothing(net);
    const written = ethernet('026b00000001', '026b00000002', '88b5', '5a'.repeat(100));
    await sendFrames(net, 'nodeB', 'mirror', [written, written, written]);
    await expectDelivered(net, { sentPackets: 30, reportedPackets: 0, lostPackets: 30 });
  });

  test('leaves out what the receiver got from a sandbox before this one', async ({ net }) => {
    await net.quiet();
    const { sender } = await net.tap({ filter });
    await sendUdp(net, 'pod', addresses.gateway, { count: 100, maxBytes: 100 });
    await expectDelivered(net, { sentPackets: 100, reportedPackets: 100, lostPackets: 0 });
    await net.stopPod();
    await sender.logged('"state":"waiting"');
    await net.startPod();
    await expect.poll(() => sender.log.filter(({ state }) => state === 'ready').length, soon).toBe(2);
    await net.quiet();
    await sendUdp(net, 'pod', addresses.gateway, { count: 20, maxBytes: 100 });
    await expectDelivered(net, { sentPackets: 20, reportedPackets: 20, lostPackets: 0 });
  });
});

test('loss is told anew of a device that is made anew', async ({ net }) => {
  await net.quiet();
  const { sender } = await net.tap({ filter });
  await sender.logged('the largest copies get to the receiver');
  const lose = async (count: number) => {
    await swallow(net, 200);
    await sendUdp(net, 'pod', addresses.gateway, { count, minBytes: 400, maxBytes: 400 });
    await sendUdp(net, 'pod', addresses.gateway, { count: 1, maxBytes: 100 });
    await sender.logged(`"lostPackets":${count},"msg":"copies are being lost`);
    await sender.logged(`"lostPackets":${count},"msg":"no more copies are lost"`);
    await swallowNothing(net);
  };
  await lose(30);
  await net.exec('pod', 'ip link delete mirror');
  await sender.logged(/add vxlan mirror[^]*add vxlan mirror/u);
  await sendUdp(net, 'pod', addresses.gateway, { count: 5, maxBytes: 100 });
  await expectDelivered(net, { sentPackets: 5, reportedPackets: 5, lostPackets: 0 });
  await lose(20);
});

test('a path that swallows large packets is noticed, and that it no longer does', async ({ net }) => {
  await swallow(net, 1400);
  const receiver = net.startReceiver();
  const sender = net.startSender();
  await receiver.ready();
  await sender.logged('but packets of 1500 bytes do not get to 192.0.2.2, small ones do');
  expect(sender.isReady()).toBe(false);
  expect(await probe(net)).toMatchObject({ packetBytes: 1500, reached: false });
  await swallowNothing(net);
  await sender.logged('the largest copies get to the receiver');
  expect(await probe(net)).toMatchObject({ packetBytes: 1500, reached: true });
  await expect.poll(() => sender.isReady(), soon).toBe(true);
  // Once copies are lost on the path, it is asked again.
  await swallow(net, 1400);
  await sendUdp(net, 'pod', addresses.gateway, { count: 3, minBytes: 1400, maxBytes: 1400 });
  await expect.poll(() => sender.isReady(), soon).toBe(false);
});

test('a path that begins to swallow large packets while none is sent is noticed', async ({ net }) => {
  const { sender } = await net.tap({ 'rare-ms': '2000' });
  await sender.logged('the largest copies get to the receiver');
  await swallow(net, 1400);
  await sender.logged('but packets of 1500 bytes do not get to 192.0.2.2, small ones do');
});

test('a report that another one overtook is not taken for that of another device', async ({ net }) => {
  const { sender, receiver } = await net.tap();
  await Promise.all([sender.kill(), receiver.kill()]);
  const now = Number(process.hrtime.bigint() / 1_000_000n);
  for (const [packets, atMs] of [
    [1000, now + 1000],
    [900, now],
    [1000, now + 1000],
    [1100, now + 2000],
  ] as const)
    await report(net, { packets, probes: 0, atMs });
  await expect.poll(() => reported(net), soon).toBe(1100);
  // One of a node that was started anew has another clock, and another device.
  await report(net, { packets: 10, probes: 0, atMs: now - 3_600_000 });
  await expect.poll(() => reported(net), soon).toBe(1110);
});

describe('packets without a UDP checksum, as copies are,', () => {
  test('that are dropped while hellos come are noticed, and that copies arrive again', async ({ net }) => {
    await net.quiet();
    const { sender } = await net.tap({ filter });
    await sender.logged('the largest copies get to the receiver');
    const send = async () => {
      await sendUdp(net, 'pod', addresses.gateway, { count: 20, maxBytes: 100 });
      return sender.isReady();
    };
    await dropWithoutChecksum(net);
    await expect.poll(send, { timeout: patienceMs, interval: 500 }).toBe(false);
    await sender.logged('but no copy gets to 192.0.2.2, though hellos do: a network card that spoils');
    await net.exec('nodeB', 'nft delete table inet wall');
    await send();
    await sender.ready();
  });

  test('that are dropped from the beginning are noticed without a copy', async ({ net }) => {
    await dropWithoutChecksum(net);
    const receiver = net.startReceiver();
    const sender = net.startSender();
    await receiver.ready();
    await sender.logged(
      'packets of 1500 bytes without a UDP checksum, as copies are, do not get to 192.0.2.2, those with one do',
    );
    expect(sender.isReady()).toBe(false);
    await net.exec('nodeB', 'nft delete table inet wall');
    await sender.logged('the largest copies get to the receiver');
  });
});

test('the status says what becomes of large copies, and of a tap without eBPF', async ({ net }) => {
  const { sender } = await net.tap();
  const fit = { underlayMtuBytes: 1500, largestCopyBytes: 1550 };
  expect(await senderStatus(net)).toMatchObject({
    fit: { ...fit, fitting: true, says: expect.stringContaining('TCP is cut to fit') },
  });
  await sender.stop();
  await net.startPlainSender().ready();
  const plain = await senderStatus(net);
  // The receiver's reports could not be told from what strangers send.
  expect(plain).not.toHaveProperty('turnedAwayPackets');
  expect(plain).toMatchObject({
    fit: { ...fit, fitting: false },
    degraded: expect.stringContaining('the eBPF programs are not loaded'),
  });
});

async function senderStatus(net: Net) {
  return (await net.status('nodeA')).find(({ role }) => role === 'sender');
}

/** What the receiver reported, all in all. */
async function reported(net: Net): Promise<number> {
  return (await senderStatus(net))?.reportedPackets ?? 0;
}

/** Sends the sender a report, as the receiver on node B does. */
async function report(net: Net, received: Received): Promise<void> {
  const packet = Buffer.from(reportPacket(100, received)).toString('hex');
  await sendDatagram(net, 'nodeB', addresses.nodeA, 4789, packet);
}

async function expectDelivered(net: Net, account: object): Promise<void> {
  await expect.poll(() => senderStatus(net), soon).toMatchObject(account);
}

async function probe(net: Net): Promise<unknown> {
  return JSON.parse(await net.ask('nodeA', 'probe')).probes[0];
}

/** Makes node B drop the tunnel's packets that have no UDP checksum. */
async function dropWithoutChecksum(net: Net): Promise<void> {
  await net.exec(
    'nodeB',
    'nft',
    'add table inet wall; add chain inet wall in { type filter hook prerouting priority -400; }; add rule inet wall in udp dport 4789 udp checksum 0 drop',
  );
}

/** Makes node B drop frames that are longer than so many bytes. */
async function swallow(net: Net, bytes: number): Promise<void> {
  await net.exec('nodeB', 'tc', 'qdisc', 'add', 'dev', 'underlay', 'clsact');
  const program = `4,128 0 0 0,37 0 1 ${bytes},6 0 0 2,6 0 0 4294967295`;
  const at = `tc filter add dev underlay ingress pref 9 bpf direct-action bytecode`;
  await net.exec('nodeB', at, program);
}

async function swallowNothing(net: Net): Promise<void> {
  await net.exec('nodeB', 'tc', 'qdisc', 'delete', 'dev', 'underlay', 'clsact');
}
