import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { test } from './support/net.ts';
import { echoUdp, exchangeUdp, sendUdp } from './support/traffic.ts';

const port = 7000;
const count = 200;
const other = { 'tap-id': '112233445566', ifname: 'tap2', vni: '101' };

describe('two taps of one pod', () => {
  test('with other directions, filters and settings are both complete', async ({ net }) => {
    await net.quiet();
    await net.tap();
    await net.tap({ ...other, 'mirror-type': 'ingress', filter: 'udp port 7000', snaplen: '64' });
    await echoUdp(net, 'pod', port);
    const [atPod, atMirror, atTap2] = [
      await Capture.start(net, 'pod', 'eth0'),
      await Capture.start(net, 'nodeB', 'mirror'),
      await Capture.start(net, 'nodeB', 'tap2'),
    ];
    await sendUdp(net, 'nodeA', addresses.pod, { port, count, minBytes: 100 });
    await sendUdp(net, 'nodeA', addresses.pod, { port: 7001, count });
    const original = await atPod.frames();
    expect((await atMirror.frames()).toSorted()).toEqual(original.toSorted());
    const wanted = original.filter((frame) => isUdp(frame) && frame.slice(72, 76) === port.toString(16));
    expect(wanted).toHaveLength(count);
    expect((await atTap2.frames()).toSorted()).toEqual(wanted.map((frame) => frame.slice(0, 128)).toSorted());
  });

  test('do not disturb each other when one comes and goes', async ({ net }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    const first = await net.tap();
    await echoUdp(net, 'pod', port);
    const [atPod, atMirror] = [
      await Capture.start(net, 'pod', 'eth0', 128, { roomKib: 65_536 }),
      await Capture.start(net, 'nodeB', 'mirror', 128, { roomKib: 65_536 }),
    ];
    const gone = new AbortController();
    let exchanged = 0;
    const second = net.tap(other).then(({ sender }) => sender.stop());
    const going = second.finally(() => gone.abort());
    for (; !gone.signal.aborted; exchanged += 1000) {
      const back = await exchangeUdp(net, 'nodeA', addresses.pod, { port, count: 1000, bytes: 64 });
      expect(back).toEqual({ lost: 0, changed: 0 });
    }
    expect(await going).toBe(0);
    const original = (await atPod.frames()).filter(isUdp);
    expect(original).toHaveLength(2 * exchanged);
    expect((await atMirror.frames()).filter(isUdp).toSorted()).toEqual(original.toSorted());
    expect(await net.exec('pod', 'tc qdisc show dev eth0')).toContain('clsact');
    expect(await first.sender.stop()).toBe(0);
    expect(await net.snapshot('pod')).toBe(before);
  });
});

test('three taps of one pod that end at the same moment leave nothing', async ({ net }) => {
  await net.quiet();
  const before = await net.snapshot('pod');
  for (let round = 0; round < 2; round++) {
    const senders = ['1', '2', '3'].map((digit) =>
      net.startSender({ 'tap-id': digit.repeat(12), ifname: `tap${digit}`, vni: `20${digit}` }),
    );
    for (const each of senders) await each.logged('"state":"no-peer"');
    await net.ticks(4); // until they have seen each other's filters
    expect(await Promise.all(senders.map((each) => each.stop()))).toEqual([0, 0, 0]);
    expect(await net.snapshot('pod')).toBe(before);
  }
});

describe('a second tap with the VNI of a first one', () => {
  test.for([
    [
      'the sender',
      (taken: string) =>
        `VNI 100 is used by interface mirror in the target's network namespace, which belongs to the running tap ${taken}: choose another --vxlan-id`,
    ],
    [
      'the receiver',
      (taken: string) =>
        `VNI 100 is used by interface mirror on this node, which belongs to the running tap ${taken}: choose another --vxlan-id`,
    ],
  ] as const)('is refused by %s, and leaves the first one alone', async ([end, message], { net }) => {
    const first = await net.tap();
    const before = await Promise.all(
      (['pod', 'nodeB'] as const).map((where) => net.exec(where, 'ip link show')),
    );
    const changes = { ...other, vni: '100' };
    const refused =
      end === 'the sender'
        ? net.startSender(changes)
        : net.startReceiver({ ...changes, remote: '192.0.2.9' });
    await refused.logged(message(net.tapId));
    expect(refused.isReady()).toBe(false);
    await refused.stop();
    expect(
      await Promise.all((['pod', 'nodeB'] as const).map((where) => net.exec(where, 'ip link show'))),
    ).toEqual(before);
    expect([first.sender.isReady(), first.receiver.isReady()]).toEqual([true, true]);
  });
});
