import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture } from './support/capture.ts';
import { arpRequest, ethernet, icmpEcho, ipv4, tcpSyn, udp, vxlan } from './support/frames.ts';
import { type Net, test } from './support/net.ts';
import { echoUdp, receiveTcp, sendDatagram, sendFrames } from './support/traffic.ts';
import { soon } from './support/wait.ts';

const vxlanPort = 4789;
const port = 7000;
const openPort = 7001;
const from = '026b00000001';
const payload = Buffer.from('injected').toString('hex');

describe("what comes from elsewhere with the tap's VNI and port", () => {
  test('reaches no socket of the pod and is not answered', async ({ net }) => {
    await net.tap();
    const echo = await echoUdp(net, 'pod', port);
    const underlay = await Capture.start(net, 'nodeB', 'underlay');
    const frame = ethernet(
      await net.mac('pod', 'mirror'),
      from,
      '0800',
      ipv4(17, addresses.gateway, addresses.pod, udp(port, payload)),
    );
    await sendDatagram(net, 'nodeB', addresses.nodeA, vxlanPort, vxlan(100, frame));
    const seen = (await underlay.frames()).filter((text) => text.includes(payload));
    expect(seen).toHaveLength(1); // the injected packet itself, and no answer
    expect(echo.received()).toBe(0);
  });

  test("would reach the pod without the tap's filter, so that the test above can fail", async ({ net }) => {
    const echo = await echoUdp(net, 'pod', port);
    const device = 'type vxlan id 100 local 192.0.2.1 remote 192.0.2.2 dstport 4789';
    await net.exec('nodeA', `ip link add mirror netns ${net.netns('pod')} ${device}`);
    await net.exec('pod', 'ip link set mirror up');
    await net.exec('pod', 'sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.mirror.rp_filter=0');
    const frame = ethernet(
      await net.mac('pod', 'mirror'),
      from,
      '0800',
      ipv4(17, addresses.gateway, addresses.pod, udp(port, payload)),
    );
    await sendDatagram(net, 'nodeB', addresses.nodeA, vxlanPort, vxlan(100, frame));
    await expect.poll(() => echo.received(), soon).toBe(1);
  });

  test('is seen by captures on the receiver, but reaches no socket of the node and is not answered', async ({
    net,
  }) => {
    await net.tap();
    const echo = await echoUdp(net, 'nodeB', port);
    const mirror = await Capture.start(net, 'nodeB', 'mirror');
    const to = await net.mac('nodeB', 'mirror');
    const frames = [
      ethernet(to, from, '0800', ipv4(17, addresses.pod, addresses.nodeB, udp(port, payload))),
      ethernet('ffffffffffff', from, '0806', arpRequest(from, addresses.pod, addresses.nodeB)),
      ethernet(to, from, '0800', ipv4(1, addresses.pod, addresses.nodeB, icmpEcho())),
    ];
    for (const frame of frames)
      await sendDatagram(net, 'nodeA', addresses.nodeB, vxlanPort, vxlan(100, frame));
    const seen = (await mirror.frames()).filter((frame) => frame.slice(12, 24) === from);
    expect(seen.toSorted()).toEqual(frames.toSorted());
    expect(echo.received()).toBe(0);
  });
});

describe('copied traffic that is addressed to the destination node itself', () => {
  const { pod, nodeB } = addresses;
  const bodies = [
    ['an ICMP echo request', ipv4(1, pod, nodeB, icmpEcho())],
    ['a TCP SYN to a closed port', ipv4(6, pod, nodeB, tcpSyn(pod, nodeB, port))],
    ['a TCP SYN to an open port', ipv4(6, pod, nodeB, tcpSyn(pod, nodeB, openPort))],
    ['a UDP datagram to a closed port', ipv4(17, pod, nodeB, udp(port, payload))],
  ] as const;

  test.for([...bodies, ['an ARP request', undefined]] as const)(
    'is not answered: %s',
    async ([, body], { net }) => {
      await net.tap();
      const to = await prepare(net);
      const frame =
        body === undefined
          ? ethernet('ffffffffffff', from, '0806', arpRequest(from, pod, nodeB))
          : ethernet(to, from, '0800', body);
      const mirror = await Capture.start(net, 'nodeB', 'mirror');
      expect(await answersTo(net, frame)).toEqual([]);
      expect((await mirror.frames()).filter((seen) => seen.slice(12, 24) === from)).toEqual([frame]);
    },
  );

  test.for(bodies)(
    "would be without the tap's filter, so that the test above can fail: %s",
    async ([, body], { net }) => {
      const { receiver } = await net.tap();
      await receiver.kill();
      await net.exec('nodeB', 'tc', 'qdisc', 'delete', 'dev', 'mirror', 'clsact');
      const to = await prepare(net);
      expect(await answersTo(net, ethernet(to, from, '0800', body))).not.toEqual([]);
    },
  );

  /** Opens a port of the node and the way for answers to the pod; the MAC address of the node's mirror device. */
  async function prepare(net: Net): Promise<string> {
    await receiveTcp(net, 'nodeB', openPort);
    await net.exec('nodeB', `ip route add ${pod} via ${addresses.nodeA}`);
    await net.exec('nodeB', 'sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.mirror.rp_filter=0');
    return net.mac('nodeB', 'mirror');
  }

  /** What the node answers to the copy of a frame of the pod; nobody else gets the frame. */
  async function answersTo(net: Net, frame: string): Promise<string[]> {
    const underlay = await Capture.start(net, 'nodeB', 'underlay', 0, { filter: `ip dst host ${pod}` });
    await sendFrames(net, 'pod', 'eth0', [frame]);
    return underlay.frames();
  }
});
