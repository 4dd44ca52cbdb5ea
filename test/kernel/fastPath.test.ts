import { describe, expect } from 'vitest';
import type { Agent } from './support/agent.ts';
import { addresses } from './support/addresses.ts';
import { Capture } from './support/capture.ts';
import { type Net, production, test as plainTest } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

const fast = { 'fast-path': '', filter: 'udp' };
/** Fits the underlay with its encapsulation. */
const smallBytes = 200;

/** Two quiet nodes, of which the target's forwards packets, as nodes of Kubernetes do. */
const test = plainTest.extend<{ nodes: Net }>({
  nodes: async ({ net }, use) => {
    await net.quiet();
    await net.forward();
    await use(net);
  },
});

describe('copies that may go past the IP stack of the node', () => {
  test('do, and the account says so', async ({ nodes: net }) => {
    await net.tap(fast);
    await sendUdp(net, 'nodeA', addresses.pod, { count: 100, maxBytes: smallBytes });
    expect(await pathOf(net)).toMatchObject({ path: 'bypass', sentPackets: 100, bypassedPackets: 100 });
    await expect.poll(() => arrived(net), soon).toBe(100);
    expect(await net.exec('pod', 'ip -d link show mirror')).toContain('macvlan');
  });

  test('go through it where they do not fit, and arrive all the same, each once', async ({ nodes: net }) => {
    await net.tap(fast);
    const sizes = { count: 10, minBytes: 1472, maxBytes: 1472 };
    await sendUdp(net, 'pod', addresses.gateway, sizes);
    await sendUdp(net, 'pod', addresses.gateway, { count: 10, minBytes: 1422, maxBytes: 1422 });
    expect(await pathOf(net)).toMatchObject({ path: 'bypass', sentPackets: 20, bypassedPackets: 10 });
    await expect.poll(() => arrived(net), soon).toBe(20);
  });

  test('go through it while the route names another device than the agent has looked at', async ({
    nodes: net,
  }) => {
    // With production's periods the agent does not look while the test lasts.
    await net.tap({ ...fast, ...production });
    await net.exec('nodeA', `ip link add other type veth peer name other netns ${net.netns('nodeB')}`);
    for (const [where, address] of [
      ['nodeA', '203.0.113.9'],
      ['nodeB', '203.0.113.10'],
    ] as const) {
      await net.exec(where, `ip address add ${address}/24 dev other`);
      await net.exec(where, 'ip link set other up');
    }
    await net.exec('nodeA', `ip route add ${addresses.nodeB}/32 via 203.0.113.10 src ${addresses.nodeA}`);
    await net.exec('nodeB', 'sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.other.rp_filter=0');
    await sendUdp(net, 'nodeA', addresses.pod, { count: 20, maxBytes: smallBytes });
    expect(await pathOf(net)).toMatchObject({ sentPackets: 20, bypassedPackets: 0 });
    await expect.poll(() => arrived(net), soon).toBe(20);
  });

  test('go through it while the next hop is not known, and past it again', async ({ nodes: net }) => {
    await net.tap(fast);
    await net.exec('nodeA', `ip neighbour del ${addresses.nodeB} dev underlay`);
    await sendUdp(net, 'nodeA', addresses.pod, { count: 200, maxBytes: smallBytes });
    await expect.poll(() => arrived(net), soon).toBe(200);
    await expectBypass(net, true);
  });
});

/** What closes the gate, and what lets it open again. */
const reasons: Readonly<
  Record<string, { readonly close: string; readonly open: string; readonly reason: string }>
> = {
  'an IPsec policy of the node': {
    close: `ip xfrm policy add src 203.0.113.1/32 dst 203.0.113.2/32 dir out action block`,
    open: 'ip xfrm policy flush',
    reason: 'ipsec-policy',
  },
  'a policy that nothing leaves without IPsec': {
    close: 'ip xfrm policy setdefault out block',
    open: 'ip xfrm policy setdefault out accept',
    reason: 'ipsec-policy',
  },
  "a netfilter rule that names the tunnel's port": {
    close: ruleAt('output', 'udp dport 4789 meta mark set 1'),
    open: 'nft delete table ip some',
    reason: 'netfilter-rule',
  },
  'a netfilter rule that names the peer': {
    close: ruleAt('postrouting', `ip daddr ${addresses.nodeB} meta mark set 1`),
    open: 'nft delete table ip some',
    reason: 'netfilter-rule',
  },
  'forwarding that is switched off': {
    close: 'sysctl -qw net.ipv4.conf.TUNNEL.forwarding=0',
    open: 'sysctl -qw net.ipv4.conf.TUNNEL.forwarding=1',
    reason: 'forwarding-off',
  },
};

describe('copies go through the IP stack of the node because of', () => {
  for (const [what, { close, open, reason }] of Object.entries(reasons)) {
    test(`${what}, and past it when that is gone`, async ({ nodes: net }) => {
      await net.tap(fast);
      await expectBypass(net, true);
      const run = (command: string) => net.exec('nodeA', command.replace('TUNNEL', `ks-${net.tapId}`));
      await run(close);
      await expect.poll(() => pathOf(net), soon).toMatchObject({ path: 'kernel', pathReason: reason });
      if (!close.includes('setdefault')) await expectBypass(net, false);
      await run(open);
      await expect.poll(() => pathOf(net), soon).toMatchObject({ path: 'bypass' });
      await expectBypass(net, true);
    });
  }

  test('a policy that blocks the peer: no copy passes it', async ({ nodes: net }) => {
    await net.tap(fast);
    const [from, to] = [addresses.nodeA, addresses.nodeB];
    await net.exec('nodeA', `ip xfrm policy add src ${from}/32 dst ${to}/32 dir out action block`);
    await expect.poll(() => pathOf(net), soon).toMatchObject({ path: 'kernel' });
    await expectNothingLeaves(net);
  });

  test("a netfilter rule that drops the tunnel's packets: no copy passes it", async ({ nodes: net }) => {
    await net.tap(fast);
    await net.exec('nodeA', ruleAt('output', 'udp dport 4789 drop'));
    await expect.poll(() => pathOf(net), soon).toMatchObject({ path: 'kernel' });
    await expectNothingLeaves(net);
  });

  test('a rule that drops them without naming them: the receiver falls silent', async ({ nodes: net }) => {
    await net.tap(fast);
    await net.exec('nodeA', ruleAt('output', 'oifname "underlay" meta l4proto udp drop'));
    await expect.poll(() => pathOf(net), soon).toMatchObject({ path: 'kernel', pathReason: 'no-reports' });
    await expectNothingLeaves(net);
  });

  test('copies that do not get to the peer, though hellos and reports do', async ({ nodes: net }) => {
    await net.tap(fast);
    await expectBypass(net, true);
    await net.exec('nodeB', ruleAt('input', 'udp dport 4789 meta length > 150 drop'));
    await expect
      .poll(async () => {
        await sendUdp(net, 'nodeA', addresses.pod, { count: 20, minBytes: 150, maxBytes: smallBytes });
        return pathOf(net);
      }, soon)
      .toMatchObject({ path: 'kernel', pathReason: 'copies-lost' });
  });

  test('a peer that says no hello', async ({ nodes: net }) => {
    const { receiver } = await net.tap(fast);
    await receiver.kill();
    await expect.poll(() => pathOf(net), soon).toMatchObject({ path: 'kernel', pathReason: 'peer-silent' });
    await expectBypass(net, false);
  });

  test('an agent that is gone: the gate closes by itself', async ({ nodes: net }) => {
    const { sender } = await net.tap(fast);
    await sender.kill();
    await expectBypass(net, true);
    await expect.poll(() => pathOf(net), soon).toMatchObject({ path: 'kernel' });
    await expectBypass(net, false);
  });

  test('a route by a device that wraps packets', async ({ nodes: net }) => {
    const [a, b] = ['203.0.113.9', '203.0.113.10'];
    for (const [where, own, other, address] of [
      ['nodeA', addresses.nodeA, addresses.nodeB, a],
      ['nodeB', addresses.nodeB, addresses.nodeA, b],
    ] as const) {
      const wrapper = `ip link add wrapper type vxlan id 7 local ${own} remote ${other} dstport 4799`;
      await net.exec(where, wrapper);
      await net.exec(where, `ip address add ${address}/24 dev wrapper`);
      await net.exec(where, 'ip link set wrapper up');
    }
    const receiver = net.startReceiver({ local: b, remote: a });
    const sender = net.startSender({ ...fast, local: a, remote: b });
    await Promise.all([sender.ready(), receiver.ready()]);
    await sender.logged('the route goes by wrapper, of kind vxlan');
    expect(await pathOf(net)).toMatchObject({ path: 'kernel', pathReason: 'underlay-device' });
    await expectBypass(net, false);
  });
});

describe('the mirror device is the VXLAN device itself', () => {
  test('where the kernel has no macvlan devices', async ({ nodes: net }) => {
    const before = await net.snapshot('nodeA');
    const receiver = net.startReceiver();
    const sender = net.startSenderWithoutMacvlan(fast);
    await Promise.all([sender.ready(), receiver.ready()]);
    await sender.logged('copies cannot go past the IP stack of the node');
    expect(await net.exec('nodeA', 'ip link show')).not.toContain('ks-');
    await expectBypass(net, false);
    expect(await sender.stop()).toBe(0);
    expect(await net.snapshot('nodeA')).toBe(before);
  });

  test('of a node, whose log says why', async ({ nodes: net }) => {
    const { sender } = await net.tapNode('nodeA', 'nodeB', { 'fast-path': 'yes' });
    expect(sender.output).toContain('"cause":"the target is a node"');
  });

  test('where the eBPF programs cannot be loaded', async ({ nodes: net }) => {
    const receiver = net.startReceiver();
    const sender = net.startPlainSender(fast);
    await Promise.all([sender.ready(), receiver.ready()]);
    expect(await net.exec('pod', 'ip -d link show mirror')).toContain('vxlan id 100');
    expect(await net.exec('nodeA', 'ip link show')).not.toContain('ks-');
  });

  test('again when the next agent is not to use the fast path, and the other way round', async ({
    nodes: net,
  }) => {
    const before = await net.snapshot('nodeA');
    const { sender } = await net.tap(fast);
    await sender.kill();
    const slow = net.startSender({ filter: 'udp', 'fast-path': 'no' });
    await slow.ready();
    expect(await net.exec('pod', 'ip -d link show mirror')).toContain('vxlan id 100');
    expect(await net.exec('nodeA', 'ip link show')).not.toContain('ks-');
    await expectBypass(net, false);
    await slow.kill();
    const again = await startFast(net);
    await expectBypass(net, true);
    expect(await again.stop()).toBe(0);
    expect(await net.snapshot('nodeA')).toBe(before);
  });
});

test('a pod that starts anew has both devices anew', async ({ nodes: net }) => {
  const { sender } = await net.tap(fast);
  await net.stopPod();
  await expect.poll(() => net.exec('nodeA', 'ip link show'), soon).not.toContain('ks-');
  await net.startPod();
  await expect.poll(() => net.exec('pod', 'ip link show'), soon).toContain('mirror@');
  await expect.poll(() => pathOf(net), soon).toMatchObject({ path: 'bypass' });
  expect(await sender.stop()).toBe(0);
  expect(await net.exec('nodeA', 'ip link show')).not.toContain('ks-');
});

test('a tap whose pod is gone leaves nothing in the node when it ends', async ({ nodes: net }) => {
  const { sender } = await net.tap(fast);
  await sender.kill();
  await net.stopPod();
  expect(await net.exec('nodeA', 'ip link show')).toContain('ks-');
  const again = net.startSender(fast);
  await again.logged('"state":"waiting"');
  expect(await again.stop()).toBe(0);
  expect(await net.exec('nodeA', 'ip link show')).not.toContain('ks-');
});

async function startFast(net: Net): Promise<Agent> {
  const sender = net.startSender(fast);
  await sender.goesPast();
  return sender;
}

/** Whether copies that are sent now go past the IP stack; all of them arrive. */
async function expectBypass(net: Net, goPast: boolean): Promise<void> {
  const [before, arrivedBefore] = [await pathOf(net), await arrived(net)];
  await sendUdp(net, 'nodeA', addresses.pod, { count: 20, maxBytes: smallBytes });
  const after = await pathOf(net);
  expect((after?.sentPackets ?? 0) - (before?.sentPackets ?? 0)).toBe(20);
  expect((after?.bypassedPackets ?? 0) - (before?.bypassedPackets ?? 0)).toBe(goPast ? 20 : 0);
  await expect.poll(() => arrived(net), soon).toBe(arrivedBefore + 20);
}

/** What is sent now does not get to the other node. */
async function expectNothingLeaves(net: Net): Promise<void> {
  const underlay = await Capture.start(net, 'nodeB', 'underlay', 0, { filter: 'udp dst port 4789' });
  await sendUdp(net, 'nodeA', addresses.pod, { count: 20, maxBytes: smallBytes });
  // Nothing but hellos of the receiver may be there, and these are shorter than any copy.
  expect((await underlay.frames()).filter((frame) => frame.length / 2 > 100)).toEqual([]);
}

async function pathOf(net: Net) {
  return (await net.status('nodeA')).find(({ role }) => role === 'sender');
}

async function arrived(net: Net): Promise<number> {
  const receiver = (await net.status('nodeB')).find(({ role }) => role === 'receiver');
  return receiver?.receivedPackets ?? 0;
}

/** A command that makes a rule at a hook. */
function ruleAt(hook: 'input' | 'output' | 'postrouting', rule: string): string {
  return `nft table ip some { chain ${hook} { type filter hook ${hook} priority 0; ${rule}; }; }`;
}
