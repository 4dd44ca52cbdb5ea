import { describe, expect } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAccount } from './support/account.ts';
import { Capture } from './support/capture.ts';
import { ethernet } from './support/frames.ts';
import { type Net, production, test } from './support/net.ts';
import { sendFrames } from './support/traffic.ts';
import { until } from './support/wait.ts';

const listenMs = 30_000;
/** By then an interface that came up has asked for its address, for routers and for multicast groups, if it ever does. */
const kernelsOwnMs = 5000;

describe('a tap of a pod without traffic', () => {
  test('shows no frame on either mirror in 30 s, even where IPv6 forwarding is on', async ({ net }) => {
    for (const where of ['nodeA', 'nodeB', 'pod'] as const) {
      await net.exec(
        where,
        'sysctl',
        '-qw',
        'net.ipv6.conf.all.forwarding=1',
        'net.ipv6.conf.default.forwarding=1',
      );
    }
    await net.quiet();
    await net.tap(production);
    const captures = [await Capture.start(net, 'nodeB', 'mirror'), await Capture.start(net, 'pod', 'eth0')];
    await sleep(listenMs);
    const [mirrored, original] = await Promise.all(captures.map((capture) => capture.frames()));
    expect(original).toEqual([]);
    expect(mirrored).toEqual([]);
  });

  test('sends nothing while its devices come up, by a veth pair either', async ({ net }) => {
    await net.quiet();
    await net.exec('nodeA', 'sysctl', '-qw', 'net.ipv6.conf.default.forwarding=1');
    await net.exec('pod', 'sysctl', '-qw', 'net.ipv6.conf.default.forwarding=1');
    await net.tapSameNode();
    const mirror = await Capture.start(net, 'nodeA', 'mirror');
    await net.exec('nodeA', 'ip', 'link', 'set', 'mirror', 'down');
    const isUp = async () => (await net.exec('nodeA', 'ip', 'link', 'show', 'mirror')).includes('state UP');
    await until(isUp, 'the mirror is up again');
    await sleep(kernelsOwnMs);
    expect(await mirror.frames()).toEqual([]);
  });
});

describe('frames that somebody in the pod writes to its mirror device', () => {
  const forged = ethernet('026b00000001', '026b00000002', '88b5', '5a'.repeat(100));

  test.for([
    ['another node', 'nodeB', (net: Net) => net.tap()],
    ["the pod's own node", 'nodeA', (net: Net) => net.tapSameNode()],
  ] as const)('do not come to %s, and are not counted', async ([, node, tap], { net }) => {
    await net.quiet();
    await tap(net);
    const mirror = await Capture.start(net, node, 'mirror');
    await expect(sendFrames(net, 'pod', 'mirror', [forged])).rejects.toThrow('No buffer space available');
    expect(await mirror.frames()).toEqual([]);
    const { ingress, egress, sentPackets, receivedPackets } = await readAccount(net, node);
    expect([ingress.copiedPackets, egress.copiedPackets, sentPackets, receivedPackets]).toEqual([0, 0, 0, 0]);
  });

  test('would come without the eBPF programs, so that the test above can fail', async ({ net }) => {
    await net.quiet();
    const receiver = net.startReceiver();
    const sender = net.startPlainSender();
    await Promise.all([sender.ready(), receiver.ready()]);
    const mirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendFrames(net, 'pod', 'mirror', [forged]);
    expect(await mirror.frames()).toEqual([forged]);
  });
});
