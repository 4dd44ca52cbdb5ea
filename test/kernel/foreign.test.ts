import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { test } from './support/net.ts';
import type { Where } from './support/network.ts';
import { sendUdp } from './support/traffic.ts';

describe("what is not kokotap's", () => {
  test.for(['ingress', 'egress'] as const)(
    'filters before ours and behind it at the %s go on working during and after a tap',
    async (hook, { net }) => {
      await net.exec('pod', 'tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact');
      for (const [name, pref] of [
        ['before', 1],
        ['behind', 20],
      ] as const) {
        await net.exec('pod', 'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-end`);
        for (const end of [name, `${name}-end`]) await net.exec('pod', 'ip', 'link', 'set', end, 'up');
        const copy = `u32 match u32 0 0 action mirred egress mirror dev ${name} continue`;
        await net.exec('pod', `tc filter add dev eth0 ${hook} protocol all pref ${pref} ${copy}`);
      }
      const send = () =>
        hook === 'ingress'
          ? sendUdp(net, 'nodeA', addresses.pod, { count: 30 })
          : sendUdp(net, 'pod', addresses.gateway, { count: 30 });
      const seenAt = async (ends: readonly (readonly [Where, string])[]) => {
        const captures = [];
        for (const [where, ifname] of ends) captures.push(await Capture.start(net, where, ifname));
        await send();
        return Promise.all(captures.map(async (capture) => (await capture.frames()).filter(isUdp).length));
      };
      const theirs = [
        ['pod', 'before-end'],
        ['pod', 'behind-end'],
      ] as const;
      const { sender } = await net.tap();
      expect(await seenAt([...theirs, ['nodeB', 'mirror']])).toEqual([30, 30, 30]);
      await sender.stop();
      expect(await seenAt(theirs)).toEqual([30, 30]);
    },
  );

  test('a filter at our preference is left alone and named', async ({ net }) => {
    await net.quiet();
    await net.exec('pod', 'tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact');
    await net.exec('pod', 'tc filter add dev eth0 egress protocol ip pref 7 u32 match u32 0 0 flowid 1:1');
    const before = await net.snapshot('pod');
    const sender = net.startSender();
    await sender.logged(
      "Filter preference 7 at the egress of eth0 is taken by a u32 filter that is not kokotap's",
    );
    expect(sender.isReady()).toBe(false);
    expect(await net.snapshot('pod')).toBe(before);
  });

  test('an interface of that name in the pod is left alone and named', async ({ net }) => {
    await net.quiet();
    await net.exec('pod', 'ip', 'link', 'add', 'mirror', 'type', 'veth', 'peer', 'name', 'other');
    const before = await net.snapshot('pod');
    const sender = net.startSender();
    await sender.logged("Interface mirror exists in the target's network namespace and is not kokotap's");
    expect(await net.snapshot('pod')).toBe(before);
    await net.exec('pod', 'ip', 'link', 'delete', 'mirror');
    await sender.logged('"state":"no-peer"');
  });

  test('an interface of that name on the node is left alone, also by a tap on the same node', async ({
    net,
  }) => {
    await net.exec('nodeA', 'ip', 'link', 'add', 'mirror', 'type', 'veth', 'peer', 'name', 'other');
    const sender = net.startSameNodeSender();
    await sender.logged('Interface mirror exists on this node');
    expect(await net.exec('nodeA', 'ip', 'link', 'show', 'mirror')).toContain('mirror@other');
    expect(await net.exec('pod', 'ip', 'link', 'show')).not.toContain('mirror');
  });

  test('a VNI that another device of the node uses is refused', async ({ net }) => {
    await net.exec(
      'nodeA',
      'ip link add flannel.1 type vxlan id 100 local 192.0.2.1 remote 192.0.2.9 dstport 4789',
    );
    const sender = net.startSender();
    await sender.logged('VNI 100 on UDP port 4789 is used by another VXLAN device of this node');
    expect(await net.exec('pod', 'ip', 'link', 'show')).not.toContain('mirror');
    expect(await net.exec('pod', 'tc', 'qdisc', 'show')).not.toContain('clsact');
  });

  test('an ingress qdisc on the target is left alone, and only what the pod receives can be tapped', async ({
    net,
  }) => {
    await net.exec('pod', 'tc', 'qdisc', 'add', 'dev', 'eth0', 'ingress');
    const refused = net.startSender();
    await refused.logged("Interface eth0 has an ingress qdisc that is not kokotap's");
    await refused.stop();
    const { sender } = await net.tap({ 'mirror-type': 'ingress' });
    await sender.stop();
    expect(await net.exec('pod', 'tc', 'qdisc', 'show', 'dev', 'eth0')).toContain('qdisc ingress');
  });

  test('a running tap is not replaced by one that wants its interface', async ({ net }) => {
    const { sender } = await net.tap();
    const other = net.startSender({ 'tap-id': '112233445566', vni: '101' });
    await other.logged(
      `Interface mirror exists in the target's network namespace and belongs to the running tap ${net.tapId}`,
    );
    await other.stop();
    expect(sender.isReady()).toBe(true);
    expect(await net.exec('pod', 'ip', '-d', 'link', 'show', 'mirror')).toContain('vxlan id 100');
  });
});
