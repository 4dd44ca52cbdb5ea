import { createHash } from 'node:crypto';
import { describe, expect, vi } from 'vitest';
import { addresses, ipv6, second } from './support/addresses.ts';
import { Capture } from './support/capture.ts';
import { ethernet, ipv4, udp } from './support/frames.ts';
import { isFastPath, type Net, test } from './support/net.ts';
import { reassemble, segment } from './support/stream.ts';
import {
  echoUdp,
  exchangeUdp,
  receiveTcp,
  sendFrames,
  sendTcp,
  sendUdp,
  sha256OfStream,
} from './support/traffic.ts';
import { patienceMs } from './support/wait.ts';

const port = 7000;
const tcpPort = 7001;
const bytes = 20_000_000;
/** For which a capture has room, even if it writes none meanwhile. */
const captured = 5_000_000;

describe.for([
  ['IPv4', addresses],
  ['IPv6', ipv6],
] as const)("the pod's own traffic over %s", ([, at]) => {
  test('is whole, in order and without loss while a tap is on', async ({ net }) => {
    await net.addIPv6();
    await net.tap();
    await echoUdp(net, 'pod', port);
    const server = await receiveTcp(net, 'pod', tcpPort);
    const datagrams = exchangeUdp(net, 'nodeA', at.pod, { port, count: 5000 });
    await sendTcp(net, 'nodeA', at.pod, tcpPort, bytes);
    expect(await server.sha256()).toBe(sha256OfStream(bytes));
    expect(await datagrams).toEqual({ lost: 0, changed: 0 });
  });

  test('is the same stream in a capture at the other end', async ({ net }) => {
    await net.addIPv6();
    await net.tap();
    const server = await receiveTcp(net, 'pod', tcpPort);
    const atMirror = await Capture.start(net, 'nodeB', 'mirror', 65_600, { roomKib: 131_072 });
    await sendTcp(net, 'nodeA', at.pod, tcpPort, captured);
    const stream = reassemble((await atMirror.frames()).flatMap((frame) => segment(frame, tcpPort) ?? []));
    expect(stream.length).toBe(captured);
    expect(sha256(stream)).toBe(await server.sha256());
  });
});

test("many conversations of the pod take few entries of the nodes' connection tracking", async ({ net }) => {
  await net.quiet();
  const nodes = ['nodeA', 'nodeB'] as const;
  const table =
    'table inet tracked { chain input { type filter hook input priority 0; ct state new accept; }; }';
  for (const node of nodes) await net.exec(node, 'nft', table);
  await net.tap();
  const conversations = Array.from({ length: 1000 }, (_, index) =>
    ethernet(
      '026b00000001',
      '026b00000002',
      '0800',
      ipv4(17, addresses.pod, addresses.gateway, udp(index + 1, '')),
    ),
  );
  await sendFrames(net, 'pod', 'eth0', conversations);
  for (const node of nodes) {
    const entries = Number(await net.exec(node, 'cat /proc/sys/net/netfilter/nf_conntrack_count'));
    if (node === 'nodeB' || !isFastPath) expect(entries).toBeGreaterThan(200);
    expect(entries).toBeLessThan(270);
  }
});

describe('what the pod knows of its ways', () => {
  test('is the same before, during and after a tap', async ({ net }) => {
    await net.addIPv6();
    const before = await waysAfterTraffic(net);
    const { sender } = await net.tap();
    expect(await waysAfterTraffic(net)).toEqual(before);
    await sender.stop();
    expect(await waysAfterTraffic(net)).toEqual(before);
  });

  test('would change without the eBPF program, so that the test above can fail', async ({ net }) => {
    await net.addIPv6();
    const before = await waysAfterTraffic(net);
    const receiver = net.startReceiver();
    const sender = net.startPlainSender();
    await Promise.all([sender.ready(), receiver.ready()]);
    expect(await waysAfterTraffic(net)).not.toEqual(before);
  });
});

describe('an underlay that is slower than the pod', () => {
  test('slows no TCP of the pod down', async ({ net }) => {
    await net.addSecondInterface('veth');
    await net.tap();
    await limitUnderlay(net, { rate: '10mbit', limitBytes: 100_000 });
    const seconds = { tapped: Infinity, untapped: Infinity };
    for (let round = 0; round < 5; round++) {
      for (const [which, to] of [
        ['tapped', addresses.gateway],
        ['untapped', second.gateway],
      ] as const) {
        const server = await receiveTcp(net, 'nodeA', tcpPort);
        seconds[which] = Math.min(seconds[which], await sendTcp(net, 'pod', to, tcpPort, bytes));
        expect(await server.received()).toBe(bytes);
      }
    }
    // At 10 Mbit/s it would take a hundred times as long.
    expect(seconds.untapped / seconds.tapped).toBeGreaterThan(0.3);
    const { refused, lost } = await readCounts(net);
    expect(isFastPath ? lost : refused).toBeGreaterThan(0);
  });

  test('loses copies, each of which is counted, but no datagram of the pod', async ({ net }) => {
    await net.quiet();
    await net.tap();
    await echoUdp(net, 'nodeA', port);
    await limitUnderlay(net, { rate: '1mbit', limitBytes: 50_000 });
    expect(await exchangeUdp(net, 'pod', addresses.gateway, { port, count: 1000 })).toEqual({
      lost: 0,
      changed: 0,
    });
    await vi.waitFor(
      async () => {
        const { sent, refused, lost, received } = await readCounts(net);
        const missing = isFastPath ? lost : refused; // nothing tells a copy past the IP stack that the queue is full
        expect(sent).toBeGreaterThanOrEqual(2000);
        expect(missing).toBeGreaterThan(0);
        expect(received).toBe(sent - missing);
      },
      { timeout: patienceMs, interval: 200 },
    );
  });

  test('keeps copies waiting at the cost of no socket of the pod', async ({ net }) => {
    await net.tap({ 'mirror-type': 'egress' });
    await echoUdp(net, 'nodeA', port);
    const server = await receiveTcp(net, 'nodeA', tcpPort);
    await limitUnderlay(net, { rate: '100kbit', limitBytes: 5_000_000 });
    // A socket with the smallest buffer has room for two such datagrams.
    const small = { port, count: 100, sendBufferBytes: 1 };
    expect(await exchangeUdp(net, 'pod', addresses.gateway, small)).toEqual({ lost: 0, changed: 0 });
    expect(await waitingBytes(net)).toBeGreaterThan(50 * 1200);
    // TCP keeps less than a megabyte in the queues of its way, and waits (TCP small queues).
    await sendTcp(net, 'pod', addresses.gateway, tcpPort, 2_000_000);
    expect(await server.received()).toBe(2_000_000);
    expect(await waitingBytes(net)).toBeGreaterThan(1_500_000);
  });
});

/** Routes to the gateway and TCP's metrics, without what changes by itself: ages, round trips and windows. */
async function waysAfterTraffic(net: Net): Promise<readonly string[]> {
  for (const at of [addresses, ipv6]) {
    await sendUdp(net, 'pod', at.gateway, { count: 10, minBytes: 1400, maxBytes: 1452 });
    for (const [from, to] of [
      ['pod', 'nodeA'],
      ['nodeA', 'pod'],
    ] as const) {
      const server = await receiveTcp(net, to, tcpPort);
      await sendTcp(net, from, to === 'pod' ? at.pod : at.gateway, tcpPort, bytes);
      await server.received();
    }
  }
  const metrics = await net.exec('pod', 'ip -s tcp_metrics show');
  for (const { gateway } of [addresses, ipv6]) expect(metrics).toContain(gateway);
  return [
    await net.exec('pod', `ip route get ${addresses.gateway}`),
    await net.exec('pod', `ip route get ${ipv6.gateway}`),
    await net.exec('pod', 'ip route show cache'),
    await net.exec('pod', 'ip -6 route show cache'),
    ...metrics
      .split('\n')
      .map((line) => line.replaceAll(/ (age|rtt|rttvar|cwnd|ssthresh|reordering) \S+/g, ''))
      .toSorted(),
  ];
}

/** Makes the node's way to the other one slow, with so much room for what waits. */
async function limitUnderlay(
  net: Net,
  { rate, limitBytes }: { rate: string; limitBytes: number },
): Promise<void> {
  await net.exec('nodeA', `tc qdisc add dev underlay root tbf rate ${rate} burst 32kb limit ${limitBytes}`);
}

async function waitingBytes(net: Net): Promise<number> {
  const [qdisc] = JSON.parse(await net.exec('nodeA', 'tc -s -j qdisc show dev underlay'));
  return qdisc.backlog;
}

async function readCounts(net: Net): Promise<Record<'sent' | 'refused' | 'lost' | 'received', number>> {
  const sender = (await net.status('nodeA')).find(({ role }) => role === 'sender');
  const receiver = (await net.status('nodeB')).find(({ role }) => role === 'receiver');
  const { sentPackets: sent = 0, refusedCopies: refused = 0, lostPackets: lost = 0 } = sender ?? {};
  return { sent, refused, lost, received: receiver?.receivedPackets ?? 0 };
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
