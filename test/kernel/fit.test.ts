import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { Capture, isUdp } from './support/capture.ts';
import { addresses, type Net, test, type Where } from './support/net.ts';
import { receiveTcp, sendTcp, sendUdp } from './support/traffic.ts';

const port = 7000;
const bytes = 20_000_000;
const ipv6 = {
  nodeA: '2001:db8:1::1',
  nodeB: '2001:db8:1::2',
  pod: '2001:db8:2::2',
  gateway: '2001:db8:2::1',
};
const overIPv6 = { local: ipv6.nodeA, remote: ipv6.nodeB };

describe('on an underlay of the MTU that the pod has', () => {
  test('copies of TCP are cut to fit, and all bytes arrive', async ({ net }) => {
    const { sender } = await net.tap();
    await sender.logged(
      'TCP is cut to fit the underlay; other copies that are too large travel as two fragments',
    );
    expect(await bytesSeen(net, addresses.pod)).toBe(bytes);
    expect(await fragments(net)).toBe(0);
  });

  test('a datagram that is too large travels as two fragments and arrives whole', async ({ net }) => {
    await net.quiet();
    await net.tap();
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendUdp(net, 'pod', addresses.gateway, { count: 10, minBytes: 1472 });
    const lengths = (await atMirror.frames()).filter(isUdp).map((frame) => frame.length / 2);
    expect(lengths).toEqual(Array.from({ length: 10 }, () => 1514));
    expect(await fragments(net)).toBe(20);
  });
});

describe('on an IPv6 underlay', () => {
  test('copies of TCP are cut to fit, and all bytes arrive', async ({ net }) => {
    await addIPv6(net);
    await tapOverIPv6(net);
    expect(await bytesSeen(net, addresses.pod)).toBe(bytes);
    expect(await bytesSeen(net, ipv6.pod)).toBe(bytes);
  });

  test('a datagram that is too large loses its end', async ({ net }) => {
    await net.quiet();
    await addIPv6(net);
    await tapOverIPv6(net);
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendUdp(net, 'pod', addresses.gateway, { count: 10, minBytes: 1472 });
    const frames = (await atMirror.frames()).filter(isUdp);
    expect(frames.map((frame) => frame.length / 2)).toEqual(Array.from({ length: 10 }, () => 1430 + 14));
    // The inner IP header keeps the true length.
    expect(new Set(frames.map((frame) => Number.parseInt(frame.slice(32, 36), 16)))).toEqual(new Set([1500]));
  });
});

test("the pod's own path MTU over IPv6 stays, whatever is too large for the underlay", async ({ net }) => {
  await addIPv6(net);
  await net.tap();
  const route = () => net.exec('pod', 'ip', '-6', 'route', 'get', ipv6.gateway);
  const before = await route();
  await sendUdp(net, 'pod', ipv6.gateway, { count: 10, minBytes: 1452, maxBytes: 1452 });
  await bytesSeen(net, ipv6.pod);
  expect(await route()).toBe(before);
});

test("the tap follows the underlay's MTU", async ({ net }) => {
  const { sender } = await net.tap();
  for (const where of ['nodeA', 'nodeB'] as const)
    await net.exec(where, 'ip', 'link', 'set', 'underlay', 'mtu', '1600');
  await sender.logged('every copy fits the underlay', 15_000);
  expect(await net.exec('pod', 'ip', 'link', 'show', 'mirror')).toContain('mtu 1550');
  await net.exec('nodeA', 'ip', 'route', 'add', `${addresses.nodeB}/32`, 'dev', 'underlay', 'mtu', '1400');
  await sender.logged('"mirrorMtuBytes":1350', 15_000);
});

test('a sender that cannot load the program taps without it, and says so', async ({ net }) => {
  await net.quiet();
  const receiver = net.startReceiver();
  const sender = net.startPlainSender();
  await Promise.all([sender.ready(), receiver.ready()]);
  expect(sender.output).toContain('could not be loaded; the tap goes on without it');
  expect(sender.output).toContain(
    'copies that are larger than the underlay takes the kernel sends as two fragments',
  );
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'pod', addresses.gateway, { count: 10 });
  expect((await atMirror.frames()).filter(isUdp)).toHaveLength(10);
});

/** Sends bytes over TCP to the pod; how many of them the mirror showed, each counted once. */
async function bytesSeen(net: Net, to: string): Promise<number> {
  const server = await receiveTcp(net, 'pod', port);
  const atMirror = await Capture.start(net, 'nodeB', 'mirror', 128);
  await sendTcp(net, 'nodeA', to, port, bytes);
  expect(await server.received()).toBe(bytes);
  return covered((await atMirror.frames()).flatMap((frame) => segment(frame, port) ?? []));
}

/** The fragments that a node made. */
async function fragments(net: Net, where: Where = 'nodeA'): Promise<number> {
  await sleep(100);
  const [names = '', values = ''] = (await net.exec(where, 'grep', '^Ip:', '/proc/net/snmp')).split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('FragCreates')]);
}

/** Where a frame's TCP payload to a port begins in the stream, and how long it is; undefined for other frames. */
function segment(frame: string, toPort: number): { from: number; length: number } | undefined {
  const bytesOf = Buffer.from(frame, 'hex');
  const isIPv6 = bytesOf.readUInt16BE(12) === 0x86dd;
  if (bytesOf[isIPv6 ? 20 : 23] !== 6) return undefined;
  const ip = bytesOf.subarray(14);
  const headerLength = isIPv6 ? 40 : ((ip[0] ?? 0) & 15) * 4;
  const tcp = ip.subarray(headerLength);
  if (tcp.readUInt16BE(2) !== toPort) return undefined;
  const ipLength = isIPv6 ? ip.readUInt16BE(4) + 40 : ip.readUInt16BE(2);
  const length = ipLength - headerLength - ((tcp[12] ?? 0) >> 4) * 4;
  return { from: tcp.readUInt32BE(4), length };
}

/** How many bytes of a stream the segments cover. */
function covered(segments: readonly { from: number; length: number }[]): number {
  const first = segments[0]?.from ?? 0;
  const ranges = segments
    .filter(({ length }) => length > 0)
    .map(({ from, length }) => [(from - first) >>> 0, length] as const)
    .toSorted(([a], [b]) => a - b);
  let [count, end] = [0, 0];
  for (const [from, length] of ranges) {
    const begin = Math.max(from, end);
    end = Math.max(end, from + length);
    count += Math.max(0, from + length - begin);
  }
  return count;
}

async function addIPv6(net: Net): Promise<void> {
  for (const [where, ifname, address] of [
    ['nodeA', 'underlay', ipv6.nodeA],
    ['nodeB', 'underlay', ipv6.nodeB],
    ['nodeA', 'vethpod', ipv6.gateway],
    ['pod', 'eth0', ipv6.pod],
  ] as const) {
    await net.exec(where, 'sysctl', '-qw', `net.ipv6.conf.${ifname}.disable_ipv6=0`);
    await net.exec(where, 'ip', 'address', 'add', `${address}/64`, 'dev', ifname, 'nodad');
  }
}

async function tapOverIPv6(net: Net): Promise<void> {
  const receiver = net.startReceiver({ local: ipv6.nodeB, remote: ipv6.nodeA });
  const sender = net.startSender(overIPv6);
  await Promise.all([sender.ready(), receiver.ready()]);
}
