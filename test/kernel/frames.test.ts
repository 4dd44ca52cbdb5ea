import { describe, expect } from 'vitest';
import { addresses, ipv6 } from './support/addresses.ts';
import { Capture } from './support/capture.ts';
import { ethernet, ipv4, tcpSyn, udp } from './support/frames.ts';
import { test } from './support/net.ts';
import { sendFrames, sendUdp } from './support/traffic.ts';

const [to, from] = ['026b00000001', '026b00000002'];
const payload = '5a'.repeat(100);
const datagram = ipv4(17, addresses.gateway, addresses.pod, udp(7000, payload));
const syn = ipv4(6, addresses.gateway, addresses.pod, tcpSyn(addresses.gateway, addresses.pod, 7000));
const large = ipv4(17, addresses.gateway, addresses.pod, udp(7000, '5a'.repeat(1472)));

/** By what is special about them. */
const frames = {
  'a VLAN tag': ethernet(to, from, '8100', `00050800${datagram}`),
  'a VLAN tag with a priority': ethernet(to, from, '8100', `e0050800${syn}`),
  'two VLAN tags': ethernet(to, from, '88a8', `0006810000050800${datagram}`),
  'two VLAN tags of the older kind': ethernet(to, from, '8100', `0006810000050800${syn}`),
  'a VLAN tag and full size': ethernet(to, from, '8100', `00050800${large}`),
  'no IP': ethernet(to, from, '88b5', payload),
  'a multicast address': ethernet('0180c200000e', from, '88cc', payload),
  'a length for a type': ethernet('0180c2000000', from, '0064', payload),
  'the broadcast address': ethernet('ffffffffffff', from, '88b5', payload),
};

test.for(['nodeA', 'pod'] as const)(
  'every kind of frame from %s arrives as it was',
  async (sender, { net }) => {
    await net.quiet();
    await net.tap();
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendFrames(net, sender, sender === 'pod' ? 'eth0' : 'vethpod', Object.values(frames));
    const arrived = await atMirror.frames();
    expect(Object.fromEntries(Object.keys(frames).map((kind, index) => [kind, arrived[index]]))).toEqual(
      frames,
    );
    expect(arrived).toHaveLength(Object.keys(frames).length);
  },
);

describe.for([
  ['IPv4', addresses],
  ['IPv6', ipv6],
] as const)('fragments of %s', ([family, at]) => {
  /** Of a datagram of 4000 bytes over MTU 1500. */
  const perDatagram = 3;
  const count = 40;
  const isFragment = family === 'IPv4' ? isIPv4Fragment : isIPv6Fragment;

  test.for([
    ['everything', {}, perDatagram],
    ['what goes to a host', { filter: `host ${at.gateway}` }, perDatagram],
    // Only the first one has ports, which pcap-filter finds for IPv4 only.
    ['what goes to a port', { filter: 'udp port 7000' }, family === 'IPv4' ? 1 : 0],
    [
      'what goes to a port or is a fragment',
      { filter: 'udp port 7000 or ip[6:2] & 0x3fff != 0 or ip6 proto 44' },
      perDatagram,
    ],
  ] as const)('are copied once each and unchanged, of %s', async ([, changes, each], { net }) => {
    await net.quiet();
    await net.addIPv6();
    await net.tap(changes);
    const [atPod, atMirror] = [
      await Capture.start(net, 'pod', 'eth0'),
      await Capture.start(net, 'nodeB', 'mirror'),
    ];
    const size = { port: 7000, count, minBytes: 4000, maxBytes: 4000 };
    await sendUdp(net, 'pod', at.gateway, size);
    await sendUdp(net, 'nodeA', at.pod, size);
    const [original, mirrored] = [await atPod.frames(), await atMirror.frames()].map((all) =>
      all.filter(isFragment).toSorted(),
    );
    expect(original).toHaveLength(2 * count * perDatagram);
    expect(mirrored).toHaveLength(2 * count * each);
    expect(original).toEqual(expect.arrayContaining(mirrored ?? []));
    if (each === perDatagram) expect(mirrored).toEqual(original);
  });

  test('are all in the sample or all left out, for each pair of addresses', async ({ net }) => {
    await net.quiet();
    await net.addIPv6();
    const hosts = Array.from({ length: 16 }, (_, index) => at.gateway.replace(/1$/, String(10 + index)));
    const prefix = family === 'IPv4' ? 24 : 64;
    for (const host of hosts) await net.exec('nodeA', `ip address add ${host}/${prefix} dev vethpod nodad`);
    await net.tap({ 'one-in': '4', 'mirror-type': 'egress' });
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    for (const host of hosts) await sendUdp(net, 'pod', host, { count: 5, minBytes: 4000, maxBytes: 4000 });
    const copied = new Map<string, number>();
    for (const frame of (await atMirror.frames()).filter(isFragment)) {
      const destination = family === 'IPv4' ? frame.slice(60, 68) : frame.slice(76, 108);
      copied.set(destination, (copied.get(destination) ?? 0) + 1);
    }
    expect(new Set(copied.values())).toEqual(new Set([5 * perDatagram]));
    expect(copied.size).toBeLessThan(hosts.length);
  });
});

function isIPv4Fragment(frame: string): boolean {
  return frame.slice(24, 28) === '0800' && (Number.parseInt(frame.slice(40, 44), 16) & 0x3fff) !== 0;
}

function isIPv6Fragment(frame: string): boolean {
  return frame.slice(24, 28) === '86dd' && frame.slice(40, 42) === '2c';
}
