import { describe, expect } from 'vitest';
import { Capture } from '../kernel/support/capture.ts';
import { type Net, test } from '../kernel/support/net.ts';
import { sendUdp } from '../kernel/support/traffic.ts';

/** By tag, the addresses of the VLAN devices at both sides of the pod's cable. */
const vlans = { 5: ['198.18.5.1', '198.18.5.2'], 6: ['198.18.6.1', '198.18.6.2'] } as const;

describe.for(['on', 'off'] as const)('of VLAN devices, whose tags the cable adds itself: %s,', (offload) => {
  test('all frames are copied with their tags', async ({ net }) => {
    await addVlans(net, offload);
    await net.tap();
    const { atPod, atMirror } = await exchange(net);
    expect(new Set(atPod.map(tag))).toEqual(new Set(['0005', '0006']));
    expect(count(atPod, '0005')).toBe(10);
    expect(atMirror).toEqual(atPod);
  });

  test('a filter chooses those of one VLAN, both ways', async ({ net }) => {
    await addVlans(net, offload);
    await net.tap({ filter: 'vlan 5 and udp port 7000' });
    const { atPod, atMirror } = await exchange(net);
    expect(atMirror).toEqual(atPod.filter((frame) => tag(frame) === '0005' && isUdp(frame)));
    expect(atMirror).toHaveLength(10);
  });

  test('a filter without a VLAN chooses none', async ({ net }) => {
    await addVlans(net, offload);
    await net.tap({ filter: 'udp port 7000' });
    const { atMirror } = await exchange(net);
    expect(atMirror).toEqual([]);
  });
});

test('a tap of a VLAN device copies its frames without their tag', async ({ net }) => {
  await addVlans(net, 'on');
  await net.tap({ 'pod-ifname': 'vlan5', filter: 'udp port 7000' });
  const { atMirror } = await exchange(net);
  expect(atMirror).toHaveLength(10);
  expect(new Set(atMirror.map((frame) => frame.slice(24, 28)))).toEqual(new Set(['0800']));
});

async function addVlans(net: Net, offload: 'on' | 'off'): Promise<void> {
  await net.quiet();
  for (const [index, where, cable] of [
    [0, 'nodeA', 'vethpod'],
    [1, 'pod', 'eth0'],
  ] as const) {
    await net.exec(where, `ethtool -K ${cable} txvlan ${offload} rxvlan ${offload}`);
    for (const [id, addresses] of Object.entries(vlans)) {
      const name = `vlan${id}`;
      await net.exec(where, `ip link add link ${cable} name ${name} type vlan id ${id}`);
      await net.exec(where, `sysctl -qw net.ipv6.conf.${name}.disable_ipv6=1`);
      await net.exec(where, `ip address add ${addresses[index]}/24 dev ${name}`);
      await net.exec(where, `ip link set ${name} up`);
    }
  }
}

/** Sends 5 datagrams each way over each VLAN; what is seen meanwhile on the pod's cable and on the mirror, in one order. */
async function exchange(net: Net): Promise<{ atPod: string[]; atMirror: string[] }> {
  const atPod = await Capture.start(net, 'pod', 'eth0');
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  for (const [node, pod] of Object.values(vlans)) {
    await sendUdp(net, 'nodeA', pod, { port: 7000, count: 5, maxBytes: 40 });
    await sendUdp(net, 'pod', node, { port: 7000, count: 5, maxBytes: 40 });
  }
  const [pod, mirror] = [await atPod.frames(), await atMirror.frames()];
  return { atPod: pod.toSorted(), atMirror: mirror.toSorted() };
}

/** The VLAN's number of a frame, undefined without a tag. */
function tag(frame: string): string | undefined {
  return frame.slice(24, 28) === '8100' ? `0${frame.slice(29, 32)}` : undefined;
}

/** Of a frame with a tag, whether it has a UDP datagram to the test's port: no ICMP that answers one. */
function isUdp(frame: string): boolean {
  return frame.slice(54, 56) === '11' && frame.slice(80, 84) === '1b58';
}

function count(frames: readonly string[], vlan: string): number {
  return frames.filter((frame) => tag(frame) === vlan && isUdp(frame)).length;
}
