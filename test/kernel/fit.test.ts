import { describe, expect } from 'vitest';
import { readAccount } from './support/account.ts';
import { addresses, ipv6 } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { type Net, test } from './support/net.ts';
import type { Where } from './support/network.ts';
import { covered, segment } from './support/stream.ts';
import { receiveTcp, sendSegments, sendTcp, sendUdp } from './support/traffic.ts';

const port = 7000;
const bytes = 20_000_000;
/** Of IP and of TCP with timestamps. */
const headerBytes = 52;
/** Of UDP, VXLAN and Ethernet. */
const innerBytes = 30;
/** The largest payload of a TCP packet whose copy fits. */
const fittingSegment = 1450 - headerBytes;

describe('on an underlay of MTU 1500', () => {
  test.for([
    [1500, 2],
    [9000, 7],
    [32_000, 22],
  ] as const)(
    'copies of TCP of a pod with MTU %d are cut to fit, and all bytes arrive',
    async ([mtuBytes, most], { net }) => {
      await net.setPodMtu(mtuBytes);
      const { sender } = await net.tap();
      await sender.logged(
        `TCP is cut to fit the underlay; other copies that are too large travel in up to ${most} fragments`,
      );
      const atPod = await Capture.start(net, 'pod', 'eth0', 128);
      expect(await bytesSeen(net, addresses.pod)).toBe(bytes);
      // TCP hands a segment over by itself now and then: of that the kernel makes fragments, and of nothing else.
      const lone = (await atPod.frames()).flatMap((frame) => {
        const { length } = segment(frame, port) ?? { length: 0 };
        return length > fittingSegment && length <= mtuBytes - headerBytes ? [length] : [];
      });
      const expected = lone.map((length) => Math.ceil((length + headerBytes + innerBytes) / 1480));
      expect(await fragments(net)).toBe(expected.reduce((sum, count) => sum + count, 0));
      expect(lone.length).toBeLessThan(bytes / mtuBytes / 4);
    },
  );

  test('copies of packets of more than 64 KiB (BIG TCP) are cut to fit, and all bytes arrive', async ({
    net,
  }) => {
    await net.addIPv6();
    for (const [where, ifname] of [
      ['nodeA', 'vethpod'],
      ['pod', 'eth0'],
    ] as const)
      await net.exec(where, `ip link set ${ifname} gso_max_size 196608 gro_max_size 196608`);
    await net.tap();
    const atPod = await Capture.start(net, 'pod', 'eth0', 128);
    expect(await bytesSeen(net, ipv6.pod)).toBe(bytes);
    expect((await atPod.frames()).filter(isBigTcp).length).toBeGreaterThan(0);
    expect(await fragments(net)).toBeLessThan(bytes / 1500 / 4);
  });

  test('a datagram of a pod with MTU 9000 travels in seven fragments and arrives whole', async ({ net }) => {
    await net.quiet();
    await net.setPodMtu(9000);
    await net.tap();
    const atMirror = await Capture.start(net, 'nodeB', 'mirror', 65_600);
    await sendUdp(net, 'pod', addresses.gateway, { count: 10, minBytes: 8972, maxBytes: 8972 });
    const lengths = (await atMirror.frames()).filter(isUdp).map((frame) => frame.length / 2);
    expect(lengths).toEqual(Array.from({ length: 10 }, () => 9014));
    expect(await fragments(net)).toBe(70);
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

  test('what an IP packet with its encapsulation has no room for loses its last bytes', async ({ net }) => {
    await net.quiet();
    await net.setPodMtu(65_535);
    await net.tap();
    const atMirror = await Capture.start(net, 'nodeB', 'mirror', 65_600);
    for (const length of [65_457, 65_458, 65_507])
      await sendUdp(net, 'pod', addresses.gateway, { count: 1, minBytes: length, maxBytes: length });
    const frames = (await atMirror.frames()).filter(isUdp);
    expect(frames.map((frame) => frame.length / 2)).toEqual([65_499, 15_000, 15_000]);
    expect(frames.map((frame) => Number.parseInt(frame.slice(32, 36), 16))).toEqual([65_485, 65_486, 65_535]);
  });
});

describe('on an IPv6 underlay', () => {
  test('copies of TCP are cut to fit, and all bytes arrive', async ({ net }) => {
    await net.addIPv6();
    await net.tapOverIPv6();
    expect(await bytesSeen(net, addresses.pod)).toBe(bytes);
    expect(await bytesSeen(net, ipv6.pod)).toBe(bytes);
  });

  test('a datagram that is too large loses its last bytes', async ({ net }) => {
    await net.quiet();
    await net.addIPv6();
    await net.tapOverIPv6();
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendUdp(net, 'pod', addresses.gateway, { count: 10, minBytes: 1472 });
    const frames = (await atMirror.frames()).filter(isUdp);
    expect(frames.map((frame) => frame.length / 2)).toEqual(Array.from({ length: 10 }, () => 1430 + 14));
    // The inner IP header keeps the true length.
    expect(new Set(frames.map((frame) => Number.parseInt(frame.slice(32, 36), 16)))).toEqual(new Set([1500]));
  });

  test('datagrams that the pod sends at once (UDP_SEGMENT) arrive, or are counted as unfit', async ({
    net,
  }) => {
    await net.quiet();
    await net.addIPv6();
    await net.tapOverIPv6({ filter: 'udp port 7000' });
    // Linux before 6.11 sends none by a device that does not make checksums.
    await net.exec('pod', 'ethtool -K eth0 tx on');
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendSegments(net, 'pod', addresses.gateway, { port, bytes: 1400, count: 10 });
    await sendSegments(net, 'pod', addresses.gateway, { port, bytes: 1472, count: 10 });
    expect((await atMirror.frames()).filter(isUdp).map((frame) => frame.length / 2)).toEqual(
      Array.from({ length: 10 }, () => 1442),
    );
    const { egress, sentPackets, receivedPackets } = await readAccount(net);
    expect(egress).toMatchObject({ copiedPackets: 10, unfitPackets: 10 });
    expect([sentPackets, receivedPackets]).toEqual([10, 10]);
  });

  test('no datagram is lost for its size, on an underlay of nearly the least MTU there is', async ({
    net,
  }) => {
    await net.quiet();
    await net.addIPv6();
    for (const where of ['nodeA', 'nodeB'] as const)
      await net.exec(where, 'ip', 'link', 'set', 'underlay', 'mtu', '1300');
    await net.tapOverIPv6();
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendUdp(net, 'pod', addresses.gateway, { count: 200, minBytes: 1150, maxBytes: 1350 });
    expect((await atMirror.frames()).filter(isUdp)).toHaveLength(200);
  });
});

test("the pod's own path MTU over IPv6 stays, whatever is too large for the underlay", async ({ net }) => {
  await net.addIPv6();
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
  await sender.logged('every copy fits the underlay');
  expect(await net.exec('pod', 'ip', 'link', 'show', 'mirror')).toContain('mtu 1550');
  await net.exec('nodeA', 'ip', 'route', 'add', `${addresses.nodeB}/32`, 'dev', 'underlay', 'mtu', '1400');
  await sender.logged('"underlayMtuBytes":1400');
  expect(await net.exec('pod', 'ip', 'link', 'show', 'mirror')).toContain('mtu 1350');
});

test('a sender that cannot load the program taps without it, and says so', async ({ net }) => {
  await net.quiet();
  const receiver = net.startReceiver();
  const sender = net.startPlainSender();
  await Promise.all([sender.ready(), receiver.ready()]);
  expect(sender.output).toContain('could not be loaded; the tap goes on without them');
  expect(sender.output).toContain(
    'copies that are larger than the underlay takes the kernel sends in up to 2 fragments',
  );
  expect(sender.output).not.toContain('TCP is cut to fit');
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

/** Whether between the headers of IPv6 and TCP is a hop-by-hop header. */
function isBigTcp(frame: string): boolean {
  return frame.slice(24, 28) === '86dd' && frame.slice(40, 42) === '00' && frame.slice(108, 110) === '06';
}

/** The fragments that a node made; of what it sent before a capture ended, all. */
async function fragments(net: Net, where: Where = 'nodeA'): Promise<number> {
  const [names = '', values = ''] = (await net.exec(where, 'grep', '^Ip:', '/proc/net/snmp')).split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('FragCreates')]);
}
