import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { test } from './support/net.ts';
import { echoUdp, exchangeUdp, sendUdp } from './support/traffic.ts';

const port = 7000;

describe('what arrives on the mirror', () => {
  test('is every frame of the pod, both ways, each once and unchanged', async ({ net }) => {
    await net.quiet();
    await net.tap();
    const echo = await echoUdp(net, 'pod', port);
    const atPod = await Capture.start(net, 'pod', 'eth0');
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await exchangeUdp(net, 'nodeA', addresses.pod, { port, count: 500, bytes: 8, maxBytes: 1472 });
    const mirrored = await atMirror.frames();
    const original = await atPod.frames();
    expect(echo.received()).toBe(500);
    expect(original.length).toBeGreaterThanOrEqual(1000);
    expect(mirrored.toSorted()).toEqual(original.toSorted());
  });

  for (const [type, source, destination] of [
    ['ingress', addresses.gateway, addresses.pod],
    ['egress', addresses.pod, addresses.gateway],
  ] as const) {
    test(`is only what the pod ${type === 'ingress' ? 'receives' : 'sends'} with --mirror-type=${type}`, async ({
      net,
    }) => {
      await net.tap({ 'mirror-type': type });
      await echoUdp(net, 'pod', port);
      const atMirror = await Capture.start(net, 'nodeB', 'mirror');
      await sendUdp(net, 'nodeA', addresses.pod, { port, count: 50 });
      const udp = (await atMirror.frames()).filter(isUdp);
      expect(udp).toHaveLength(50);
      expect(new Set(udp.map(ipAddresses))).toEqual(new Set([`${source} ${destination}`]));
    });
  }

  test("has both ways through a veth pair when the destination is the pod's own node", async ({ net }) => {
    await net.quiet();
    await net.tapSameNode();
    await echoUdp(net, 'pod', port);
    const atPod = await Capture.start(net, 'pod', 'eth0');
    const atMirror = await Capture.start(net, 'nodeA', 'mirror');
    await exchangeUdp(net, 'nodeA', addresses.pod, { port, count: 200, bytes: 8, maxBytes: 1472 });
    const mirrored = await atMirror.frames();
    const original = await atPod.frames();
    expect(original.length).toBeGreaterThanOrEqual(400);
    expect(mirrored.toSorted()).toEqual(original.toSorted());
  });

  test('reaches an end outside the cluster that is no agent', async ({ net }) => {
    const device =
      'link add outside type vxlan id 100 local 192.0.2.2 remote 192.0.2.1 dstport 4789 nolearning';
    await net.exec('nodeB', 'ip', ...device.split(' '));
    await net.exec('nodeB', 'ip', 'link', 'set', 'outside', 'up');
    const sender = net.startSender({ 'external-peer': '' });
    await sender.ready();
    const outside = await Capture.start(net, 'nodeB', 'outside');
    await sendUdp(net, 'nodeA', addresses.pod, { port, count: 20 });
    expect((await outside.frames()).filter(isUdp)).toHaveLength(20);
  });
});

function ipAddresses(frame: string): string {
  const address = (at: number) => [...Buffer.from(frame.slice(at, at + 8), 'hex')].join('.');
  return `${address(52)} ${address(60)}`;
}
