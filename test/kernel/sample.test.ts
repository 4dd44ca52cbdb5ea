import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { ethernet, ipv4, udp } from './support/frames.ts';
import { type Net, test } from './support/net.ts';
import { echoUdp, sendFrames, sendUdp, sendUnfinished } from './support/traffic.ts';

const ports = Array.from({ length: 40 }, (_, index) => 7000 + index);

test('a sample has both directions of a conversation or none', async ({ net }) => {
  await net.quiet();
  for (const port of ports) await echoUdp(net, 'pod', port);
  await net.tap({ 'one-in': '4' });
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  for (const port of ports) await sendUdp(net, 'nodeA', addresses.pod, { port, count: 5, maxBytes: 100 });
  const seen = new Map<number, number>();
  for (const frame of (await atMirror.frames()).filter(isUdp)) {
    const [from = 0, to = 0] = [frame.slice(68, 72), frame.slice(72, 76)].map((hex) =>
      Number.parseInt(hex, 16),
    );
    const port = ports.includes(to) ? to : from;
    seen.set(port, (seen.get(port) ?? 0) + 1);
  }
  expect(new Set(seen.values())).toEqual(new Set([10]));
  expect(seen.size).toBeGreaterThan(0);
  expect(seen.size).toBeLessThan(ports.length);
});

test('a sample has the ICMP errors about its conversations, and no others', async ({ net }) => {
  await net.quiet();
  await net.exec('nodeA', 'sysctl -qw net.ipv4.icmp_ratelimit=0');
  await net.tap({ 'one-in': '4' });
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  for (const port of ports) await sendUdp(net, 'pod', addresses.gateway, { port, count: 1, maxBytes: 100 });
  const frames = await atMirror.frames();
  const kept = portsOf(frames.filter(isUdp));
  expect(kept.size).toBeGreaterThan(0);
  expect(kept.size).toBeLessThan(ports.length);
  // Behind 8 bytes of ICMP is the datagram that nobody took, from its IP header on.
  const refused = frames.filter(isPortUnreachable).map((frame) => frame.slice(0, 28) + frame.slice(84));
  expect(portsOf(refused)).toEqual(kept);
});

test("samples of two taps are of other conversations, and a tap's stays when its agent starts anew", async ({
  net,
}) => {
  await net.quiet();
  const { sender } = await net.tap({ 'one-in': '2' });
  await net.tap({ 'one-in': '2', 'tap-id': '112233445566', ifname: 'tap2', vni: '101' });
  const [first, second] = await keptOf(net, ['mirror', 'tap2']);
  expect(first).not.toEqual(second);
  await sender.kill();
  await net.startSender({ 'one-in': '2' }).ready();
  expect(await keptOf(net, ['mirror'])).toEqual([first]);
});

test('a sample leaves out what comes in pieces as well', async ({ net }) => {
  await net.quiet();
  await net.setPodMtu(9000);
  await net.tap({ 'one-in': '4' });
  const atMirror = await Capture.start(net, 'nodeB', 'mirror', 65_600);
  const [to, from] = [await net.mac('nodeA', 'vethpod'), await net.mac('pod', 'eth0')];
  const payload = '5a'.repeat(5000);
  for (const port of ports) {
    const frame = ethernet(to, from, '0800', ipv4(17, addresses.pod, addresses.gateway, udp(port, payload)));
    await sendUnfinished(net, 'pod', 'eth0', frame, {});
  }
  const kept = portsOf((await atMirror.frames()).filter(isUdp));
  expect(kept.size).toBeGreaterThan(0);
  expect(kept.size).toBeLessThan(ports.length);
});

/** The ports whose datagrams, of always the same conversations, come out at receivers. */
async function keptOf(net: Net, ifnames: readonly string[]): Promise<Set<number>[]> {
  const captures = [];
  for (const ifname of ifnames) captures.push(await Capture.start(net, 'nodeB', ifname));
  const [to, from] = [await net.mac('pod', 'eth0'), await net.mac('nodeA', 'vethpod')];
  const datagrams = ports.map((port) => ipv4(17, addresses.gateway, addresses.pod, udp(port, '5a5a')));
  await sendFrames(
    net,
    'nodeA',
    'vethpod',
    datagrams.map((each) => ethernet(to, from, '0800', each)),
  );
  const kept = [];
  for (const capture of captures) kept.push(portsOf((await capture.frames()).filter(isUdp)));
  return kept;
}

/** The ports that datagrams over IPv4 go to. */
function portsOf(frames: readonly string[]): Set<number> {
  return new Set(frames.map((frame) => Number.parseInt(frame.slice(72, 76), 16)));
}

function isPortUnreachable(frame: string): boolean {
  return frame.slice(24, 28) === '0800' && frame.slice(46, 48) === '01' && frame.slice(68, 72) === '0303';
}
