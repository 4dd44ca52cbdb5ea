import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { arpRequest, ethernet, icmpEcho, ipv4, udp, vxlan } from './support/frames.ts';
import { type Net, test } from './support/net.ts';
import { scaled } from './support/speed.ts';
import { echoUdp, sendDatagram, sendUdp } from './support/traffic.ts';

const count = 200;
const port = 7000;

test('two endpoints are joined into one interface, which shows each frame once', async ({ net }) => {
  await net.quiet();
  const before = await net.snapshot('nodeB');
  const [first, second] = [startOne(net), startOther(net)];
  await allReady(first, second);
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'pod', addresses.gateway, { count, maxBytes: 1200 });
  const seen = (await atMirror.frames()).filter(isUdp);
  expect(seen).toHaveLength(2 * count); // both copy the same pod
  const twice = new Map<string, number>();
  for (const frame of seen) twice.set(frame, (twice.get(frame) ?? 0) + 1);
  expect([...twice.values()].filter((times) => times !== 2)).toEqual([]);
  expect(await received(net)).toEqual([count, count]);

  await stopBoth(first);
  const afterOne = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'pod', addresses.gateway, { count, maxBytes: 1200 });
  expect((await afterOne.frames()).filter(isUdp)).toHaveLength(count);
  await stopBoth(second);
  expect(await net.snapshot('nodeB')).toEqual(before);
});

test('endpoints that come and go leave the interface to a capture that runs', async ({ net }) => {
  await net.quiet();
  const first = startOne(net);
  await allReady(first);
  const index = await ifindex(net);
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  const second = startOther(net);
  await allReady(second);
  await stopBoth(second);
  await first.receiver.kill();
  const again = startOne(net).receiver;
  await again.ready();
  await sendUdp(net, 'pod', addresses.gateway, { count, maxBytes: 1200 });
  expect((await atMirror.frames()).filter(isUdp)).toHaveLength(count);
  expect(await ifindex(net)).toBe(index);
});

test('the interface is made anew when it is deleted, and all endpoints hand over to it again', async ({
  net,
}) => {
  await net.quiet();
  const all = [startOne(net), startOther(net)];
  await allReady(...all);
  const index = await ifindex(net);
  await net.exec('nodeB', 'ip link delete mirror');
  await expect
    .poll(() => filters(net), { timeout: scaled(15_000) })
    .toEqual(['Redirect to device mirror', 'Redirect to device mirror']);
  expect(await ifindex(net)).not.toBe(index);
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'pod', addresses.gateway, { count, maxBytes: 1200 });
  expect((await atMirror.frames()).filter(isUdp)).toHaveLength(2 * count);
});

test('what comes by it reaches no socket of the node, and is not answered', async ({ net }) => {
  await net.quiet();
  await allReady(startOne(net), startOther(net));
  const echo = await echoUdp(net, 'nodeB', port);
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  const [to, from] = [await net.mac('nodeB', 'mirror'), '026b00000001'];
  const frames = [
    ethernet(to, from, '0800', ipv4(17, addresses.pod, addresses.nodeB, udp(port, '6b6f6b6f'))),
    ethernet('ffffffffffff', from, '0806', arpRequest(from, addresses.pod, addresses.nodeB)),
    ethernet(to, from, '0800', ipv4(1, addresses.pod, addresses.nodeB, icmpEcho())),
  ];
  for (const frame of frames) await sendDatagram(net, 'nodeA', addresses.nodeB, 4789, vxlan(101, frame));
  expect((await atMirror.frames()).toSorted()).toEqual(frames.toSorted());
  expect(echo.received()).toBe(0);
});

test('endpoints on the same node are joined too', async ({ net }) => {
  await net.quiet();
  const joined = { joined: '' };
  const before = await net.snapshot('nodeA');
  const sender = net.startSameNodeSender(joined);
  const receiver = net.startSameNodeReceiver(joined);
  await Promise.all([sender.ready(), receiver.ready()]);
  const atMirror = await Capture.start(net, 'nodeA', 'mirror');
  await sendUdp(net, 'pod', addresses.gateway, { count, maxBytes: 1200 });
  expect((await atMirror.frames()).filter(isUdp)).toHaveLength(count);
  await Promise.all([sender.stop(), receiver.stop()]);
  expect(await net.snapshot('nodeA')).toEqual(before);
});

test('a tap with an interface of its own does not take the name of the joined one, nor the other way round', async ({
  net,
}) => {
  await allReady(startOne(net));
  const alone = net.startReceiver({ 'tap-id': net.otherTapId, vni: '101' });
  await alone.logged(
    'Interface mirror exists on this node and shows the packets of running taps: delete it or choose another --ifname',
  );
  await alone.stop();
  await net.tap({ 'tap-id': '112233445566', vni: '102', ifname: 'own' });
  const refused = net.startReceiver({ 'tap-id': net.otherTapId, vni: '101', ifname: 'own', joined: '' });
  await refused.logged('Interface own exists on this node and belongs to the running tap 112233445566');
});

test('what killed agents left of it is taken over, and removed with the last of them', async ({ net }) => {
  await net.quiet();
  const before = await net.snapshot('nodeB');
  const [first, second] = [startOne(net), startOther(net)];
  await allReady(first, second);
  await Promise.all([first.receiver.kill(), second.receiver.kill()]);
  const index = await ifindex(net);
  const again = startOne(net).receiver;
  await again.ready();
  expect(await ifindex(net)).toBe(index);
  await again.stop();
  // The other's device is there still, and so is what it is joined into.
  expect(await ifindex(net)).toBe(index);
  const last = startOther(net).receiver;
  await last.ready();
  await last.stop();
  expect(await net.snapshot('nodeB')).toEqual(before);
});

interface Pair {
  readonly sender: { ready(): Promise<void>; stop(): Promise<unknown> };
  readonly receiver: { ready(): Promise<void>; stop(): Promise<unknown>; kill(): Promise<void> };
}

function startOne(net: Net) {
  return { receiver: net.startReceiver({ joined: '' }), sender: net.startSender({ filter: 'udp' }) };
}

function startOther(net: Net) {
  const other = { 'tap-id': net.otherTapId, vni: '101' };
  return {
    receiver: net.startReceiver({ ...other, joined: '' }),
    sender: net.startSender({ ...other, ifname: 'mirror2', filter: 'udp' }),
  };
}

async function allReady(...pairs: readonly Pair[]): Promise<void> {
  await Promise.all(pairs.flatMap(({ sender, receiver }) => [sender.ready(), receiver.ready()]));
}

async function stopBoth({ sender, receiver }: Pair): Promise<void> {
  await Promise.all([sender.stop(), receiver.stop()]);
}

async function ifindex(net: Net): Promise<number> {
  return Number.parseInt(await net.exec('nodeB', 'ip -oneline link show dev mirror'), 10);
}

/** What came to the devices of both endpoints. */
async function received(net: Net) {
  const taps = [net.tapId, net.otherTapId];
  return Promise.all(
    taps.map(async (tap) => {
      const found = (await net.status('nodeB', tap)).find(({ role }) => role === 'receiver');
      expect(found).toMatchObject({ joinedInto: 'mirror', device: { name: `kt-${tap}` } });
      return found?.receivedPackets;
    }),
  );
}

/** What the filters of both devices do. */
async function filters(net: Net): Promise<string[]> {
  const shown = await Promise.all(
    [net.tapId, net.otherTapId].map((tap) => net.exec('nodeB', `tc filter show dev kt-${tap} ingress`)),
  );
  return shown.map((text) => /Redirect to device \S+(?=\))/u.exec(text)?.[0] ?? text);
}
