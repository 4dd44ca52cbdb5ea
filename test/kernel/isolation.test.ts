import { describe, expect } from 'vitest';
import { Capture } from './support/capture.ts';
import { addresses, type Net, test, type Where } from './support/net.ts';
import { echoUdp, sendDatagram } from './support/traffic.ts';

const vxlanPort = 4789;
const port = 7000;

describe("what comes from elsewhere with the tap's VNI and port", () => {
  test('reaches no socket of the pod and is not answered', async ({ net }) => {
    await net.tap();
    const echo = await echoUdp(net, 'pod', port);
    const underlay = await Capture.start(net, 'nodeB', 'underlay');
    const frame = udpFrame(
      '026b00000001',
      await macOf(net, 'pod', 'mirror'),
      addresses.gateway,
      addresses.pod,
      port,
    );
    await sendDatagram(net, 'nodeB', addresses.nodeA, vxlanPort, vxlan(100, frame));
    const payload = Buffer.from('injected').toString('hex');
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
    const frame = udpFrame(
      '026b00000001',
      await macOf(net, 'pod', 'mirror'),
      addresses.gateway,
      addresses.pod,
      port,
    );
    await sendDatagram(net, 'nodeB', addresses.nodeA, vxlanPort, vxlan(100, frame));
    await expect.poll(() => echo.received()).toBe(1);
  });

  test('is seen by captures on the receiver, but reaches no socket of the node and is not answered', async ({
    net,
  }) => {
    await net.tap();
    const echo = await echoUdp(net, 'nodeB', port);
    const mirror = await Capture.start(net, 'nodeB', 'mirror');
    const to = await macOf(net, 'nodeB', 'mirror');
    const frames = [
      udpFrame('026b00000001', to, addresses.pod, addresses.nodeB, port),
      arpRequest('026b00000001', addresses.pod, addresses.nodeB),
      icmpEcho('026b00000001', to, addresses.pod, addresses.nodeB),
    ];
    for (const frame of frames)
      await sendDatagram(net, 'nodeA', addresses.nodeB, vxlanPort, vxlan(100, frame));
    const seen = (await mirror.frames()).filter((frame) => frame.slice(12, 24) === '026b00000001');
    expect(seen.toSorted()).toEqual(frames.toSorted());
    expect(echo.received()).toBe(0);
  });

  test('is not answered by the node even when the copied traffic is addressed to it', async ({ net }) => {
    await net.exec('pod', 'ip', 'route', 'add', addresses.nodeB, 'via', addresses.gateway);
    await net.tap();
    const mirror = await Capture.start(net, 'nodeB', 'mirror');
    const underlay = await Capture.start(net, 'nodeB', 'underlay');
    // Dropped by node A, which does not forward: only the copy gets to node B, at whose closed port it points.
    await sendDatagram(net, 'pod', addresses.nodeB, 9, Buffer.from('to the node').toString('hex'));
    const payload = Buffer.from('to the node').toString('hex');
    expect((await mirror.frames()).filter((frame) => frame.includes(payload))).toHaveLength(1);
    const icmp = (await underlay.frames()).filter(
      (frame) => frame.slice(24, 28) === '0800' && frame.slice(46, 48) === '01',
    );
    expect(icmp).toEqual([]);
  });
});

async function macOf(net: Net, where: Where, ifname: string): Promise<string> {
  const link = await net.exec(where, `ip -oneline link show dev ${ifname}`);
  return /link\/ether (\S+)/.exec(link)?.[1]?.replaceAll(':', '') ?? '';
}

function vxlan(vni: number, frame: string): string {
  return `08000000${vni.toString(16).padStart(6, '0')}00${frame}`;
}

function udpFrame(from: string, to: string, source: string, destination: string, toPort: number): string {
  const payload = Buffer.from('injected').toString('hex');
  const udp = hex16(9) + hex16(toPort) + hex16(8 + payload.length / 2) + '0000' + payload;
  return to + from + '0800' + ipv4(17, source, destination, udp);
}

function icmpEcho(from: string, to: string, source: string, destination: string): string {
  const body = '0800000000010001';
  return to + from + '0800' + ipv4(1, source, destination, body.slice(0, 4) + checksum(body) + body.slice(8));
}

function arpRequest(from: string, source: string, target: string): string {
  return `ffffffffffff${from}08060001080006040001${from}${address(source)}000000000000${address(target)}`;
}

function ipv4(protocol: number, source: string, destination: string, body: string): string {
  const length = hex16(20 + body.length / 2);
  const header = `4500${length}0000000040${protocol.toString(16).padStart(2, '0')}0000${address(source)}${address(destination)}`;
  return header.slice(0, 20) + checksum(header) + header.slice(24) + body;
}

function checksum(hex: string): string {
  let sum = (hex.match(/.{4}/g) ?? []).reduce((total, word) => total + Number.parseInt(word, 16), 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return hex16(~sum & 0xffff);
}

function address(dotted: string): string {
  return Buffer.from(dotted.split('.').map(Number)).toString('hex');
}

function hex16(value: number): string {
  return value.toString(16).padStart(4, '0');
}
