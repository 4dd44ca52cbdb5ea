import { describe, expect } from 'vitest';
import { addresses, ipv6, second } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { test } from './support/net.ts';
import { echoUdp, exchangeUdp } from './support/traffic.ts';

const port = 7000;
const count = 100;
const small = { port, count, bytes: 8, maxBytes: 1200 };

describe.for(['veth', 'macvlan'] as const)('a second interface of the pod, %s', (kind) => {
  test('is tapped alone, both ways, each frame once and unchanged', async ({ net }) => {
    await net.quiet();
    await net.addSecondInterface(kind);
    await net.tap({ 'pod-ifname': 'net1' });
    await echoUdp(net, 'pod', port);
    // A macvlan interface leaves checksums to the one below it.
    const [onWire, atMirror] = [
      await Capture.start(net, 'nodeA', 'wire'),
      await Capture.start(net, 'nodeB', 'mirror'),
    ];
    await exchangeUdp(net, 'nodeA', second.pod, small);
    await exchangeUdp(net, 'nodeA', addresses.pod, small);
    const mirrored = await atMirror.frames();
    expect(mirrored.filter(isUdp)).toHaveLength(2 * count);
    expect(mirrored.toSorted()).toEqual((await onWire.frames()).toSorted());
  });

  test('and the first one are tapped to one node, each with its own frames', async ({ net }) => {
    await net.quiet();
    await net.addSecondInterface(kind);
    await net.tap();
    const other = await net.tap({
      'tap-id': '112233445566',
      ifname: 'tap2',
      vni: '101',
      'pod-ifname': 'net1',
    });
    await echoUdp(net, 'pod', port);
    const [atMirror, atTap2] = [
      await Capture.start(net, 'nodeB', 'mirror'),
      await Capture.start(net, 'nodeB', 'tap2'),
    ];
    await exchangeUdp(net, 'nodeA', second.pod, small);
    await exchangeUdp(net, 'nodeA', addresses.pod, { ...small, count: 2 * count });
    expect((await atMirror.frames()).filter(isUdp)).toHaveLength(4 * count);
    expect((await atTap2.frames()).filter(isUdp)).toHaveLength(2 * count);
    await other.sender.stop();
    expect(await net.exec('pod', 'tc qdisc show dev net1')).not.toContain('clsact');
    expect(await net.exec('pod', 'tc qdisc show dev eth0')).toContain('clsact');
  });
});

describe.for([
  ['dual-stack', [addresses, ipv6]],
  ['IPv6-only', [ipv6]],
] as const)('a pod that is %s', ([, families]) => {
  test.for(['IPv4', 'IPv6'] as const)(
    'is tapped over %s, both ways, each frame once and unchanged',
    async (underlay, { net }) => {
      await net.quiet();
      await net.addIPv6();
      if (families.length === 1)
        for (const [where, ifname] of [
          ['nodeA', 'vethpod'],
          ['pod', 'eth0'],
        ] as const)
          await net.exec(where, `ip -4 address flush dev ${ifname}`);
      await (underlay === 'IPv4' ? net.tap() : net.tapOverIPv6());
      await echoUdp(net, 'pod', port);
      const [atPod, atMirror] = [
        await Capture.start(net, 'pod', 'eth0'),
        await Capture.start(net, 'nodeB', 'mirror'),
      ];
      for (const { pod } of families) await exchangeUdp(net, 'nodeA', pod, small);
      const mirrored = (await atMirror.frames()).filter(isUdp);
      expect(mirrored).toHaveLength(2 * count * families.length);
      expect(mirrored.toSorted()).toEqual((await atPod.frames()).filter(isUdp).toSorted());
    },
  );
});
