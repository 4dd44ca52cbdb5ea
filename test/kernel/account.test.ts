import { describe, expect, vi } from 'vitest';
import { readAccount } from './support/account.ts';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { type Net, test } from './support/net.ts';
import { receiveTcp, sendTcp, sendUdp } from './support/traffic.ts';
import { patienceMs } from './support/wait.ts';

const bytes = 50_000_000;
const settled = { timeout: patienceMs, interval: 200 };
/** Leaves out ARP, and the ICMP errors that answer datagrams nobody waits for. */
const filter = 'udp';

describe('the account', () => {
  test('of what a filter leaves out and what it copies is exact', async ({ net }) => {
    await net.quiet();
    await net.tap({ filter: 'udp port 7000' });
    await sendUdp(net, 'nodeA', addresses.pod, { port: 7000, count: 300 });
    await sendUdp(net, 'nodeA', addresses.pod, { port: 7001, count: 200 });
    const { ingress, sentPackets, receivedPackets } = await readAccount(net);
    expect(ingress).toMatchObject({ copiedPackets: 300, sampledOutPackets: 0, shedPackets: 0 });
    // Those nobody listens to are answered by ICMP, up to the kernel's limit; ARP may be seen too.
    expect(ingress.notMatchingPackets).toBeGreaterThanOrEqual(200);
    expect(ingress.notMatchingPackets).toBeLessThan(210);
    // Datagrams of more than 1422 bytes travel in two fragments, and are one packet again at the other end.
    expect(sentPackets).toBe(300);
    expect(receivedPackets).toBe(300);
  });

  test.for([
    ['everything', {}],
    ['a sample', { 'one-in': '2' }],
    ['a rate', { 'max-bytes-per-second': '500000' }],
    ['cut copies', { snaplen: '128' }],
    ['all together', { snaplen: '128', 'one-in': '2', 'max-bytes-per-second': '5000', filter: 'tcp' }],
  ] as const)('adds up under a load of TCP, with %s', async ([, changes], { net }) => {
    await net.withoutIPv6(); // or the accounts of both ends, read one after the other, differ by its solicitations
    await net.tap(changes);
    const load = sendLoad(net);
    for (let looks = 0; looks < 3; looks++) await readAccount(net);
    await load;
    // Both ends are not read at one moment: a packet on its way is in one account and not yet in the next.
    await vi.waitFor(async () => {
      const { ingress, egress, sentPackets, receivedPackets, refusedCopies } = await readAccount(net);
      expect(ingress.seenPackets).toBeGreaterThan(bytes / 1500);
      expect(egress.seenPackets).toBeGreaterThan(0);
      expect(refusedCopies).toBe(0);
      expect(receivedPackets).toBe(sentPackets);
      if (!('filter' in changes)) expect(ingress.notMatchingPackets + egress.notMatchingPackets).toBe(0);
      if (!('one-in' in changes)) expect(ingress.sampledOutPackets + egress.sampledOutPackets).toBe(0);
      // The one conversation may be left out by the sample.
      expect(ingress.shedPackets > 0).toBe('max-bytes-per-second' in changes && ingress.copiedPackets > 0);
    }, settled);
  });

  test('is exact for copies that are cut into many smaller segments', async ({ net }) => {
    await net.withoutIPv6();
    await net.setPodMtu(9000);
    await net.tap();
    await sendLoad(net);
    await vi.waitFor(async () => {
      const { sentPackets, receivedPackets } = await readAccount(net);
      expect(sentPackets).toBeGreaterThan(bytes / 1500);
      expect(receivedPackets).toBe(sentPackets);
    }, settled);
  });

  test('survives the agent', async ({ net }) => {
    await net.quiet();
    const { sender, receiver } = await net.tap({ filter });
    await sendUdp(net, 'nodeA', addresses.pod, { count: 50 });
    const before = await readAccount(net);
    expect(before.ingress.copiedPackets).toBe(50);
    await Promise.all([sender.kill(), receiver.kill()]);
    await Promise.all([net.startSender({ filter }).ready(), net.startReceiver().ready()]);
    const { ingress, sentPackets, receivedPackets } = await readAccount(net);
    expect({ ...ingress, seenPackets: 0, notMatchingPackets: 0 }).toEqual({
      ...before.ingress,
      seenPackets: 0,
      notMatchingPackets: 0,
    });
    expect([sentPackets, receivedPackets]).toEqual([50, 50]);
  });

  test('says what the device did not take', async ({ net }) => {
    await net.quiet();
    const { sender } = await net.tap({ filter });
    await sender.kill();
    await net.exec('pod', 'ip', 'link', 'set', 'mirror', 'down');
    await sendUdp(net, 'nodeA', addresses.pod, { count: 50 });
    const { ingress, sentPackets, refusedCopies } = await readAccount(net);
    expect(ingress.copiedPackets).toBe(50);
    expect({ sentPackets, refusedCopies }).toEqual({ sentPackets: 0, refusedCopies: 50 });
  });

  test('is kept on the same node as well', async ({ net }) => {
    await net.quiet();
    await net.tapSameNode({ filter, 'one-in': '1000000' });
    await sendUdp(net, 'nodeA', addresses.pod, { count: 50 });
    const { ingress, sentPackets, receivedPackets } = await readAccount(net, 'nodeA');
    expect(ingress).toMatchObject({ sampledOutPackets: 50, copiedPackets: 0 });
    expect([sentPackets, receivedPackets]).toEqual([0, 0]);
  });
});

test('a copy is cut to the length asked for, and its IP header says the true one', async ({ net }) => {
  await net.quiet();
  await net.tap({ snaplen: '64' });
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'pod', addresses.gateway, { count: 20, minBytes: 400, maxBytes: 400 });
  const frames = (await atMirror.frames()).filter(isUdp);
  expect(frames.map((frame) => frame.length / 2)).toEqual(Array.from({ length: 20 }, () => 64));
  expect(new Set(frames.map((frame) => Number.parseInt(frame.slice(32, 36), 16)))).toEqual(new Set([428]));
});

test('what is over the rate is shed, and the rate is kept', async ({ net }) => {
  await net.quiet();
  await net.tap({ 'max-bytes-per-second': '100000' });
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  const startMs = performance.now();
  await sendUdp(net, 'pod', addresses.gateway, { count: 1000, minBytes: 1000, maxBytes: 1000 });
  const seconds = (performance.now() - startMs) / 1000;
  const bytesSeen = (await atMirror.frames()).reduce((sum, frame) => sum + frame.length / 2, 0);
  // At the beginning as much as the largest packet may go at once.
  expect(bytesSeen).toBeLessThanOrEqual(65_536 + 100_000 * (seconds + 0.1));
  expect(bytesSeen).toBeGreaterThan(60_000);
  const { egress } = await readAccount(net);
  expect(egress.shedPackets).toBeGreaterThan(0);
});

test('what needs eBPF is refused where that cannot be loaded, and nothing is left', async ({ net }) => {
  await net.quiet();
  const before = await net.snapshot('pod');
  const sender = net.startPlainSender({ snaplen: '128' });
  await sender.logged(
    '--snaplen, --sample and --max-rate need eBPF, which this node does not let the sender load',
  );
  expect(sender.isReady()).toBe(false);
  await sender.stop();
  expect(await net.snapshot('pod')).toBe(before);
});

async function sendLoad(net: Net): Promise<void> {
  const server = await receiveTcp(net, 'pod', 7000);
  await sendTcp(net, 'nodeA', addresses.pod, 7000, bytes);
  expect(await server.received()).toBe(bytes);
}
