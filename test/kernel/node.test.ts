import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { type NetDevCounts, netDevCounts } from '#src/tap/proc/netDev.ts';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import type { Agent } from './support/agent.ts';
import { type Net, test } from './support/net.ts';
import { fewer, scaled } from './support/speed.ts';
import { floodUdp, sendFrames, sendIp, sendUdp, sinkUdp } from './support/traffic.ts';
import { patienceMs } from './support/wait.ts';

const { nodeA, nodeB } = addresses;
const port = 7000;
const many = fewer(1_000_000);
const settled = { timeout: patienceMs, interval: 200 };

describe('a tap of a node', () => {
  test(`copies ${many.toLocaleString('en')} packets, and no copy`, async ({ net }) => {
    await quiet(net);
    const { sender, receiver } = await net.tapNode('nodeA', 'nodeB', { filter: 'udp' });
    const tunnels = await Capture.start(net, 'nodeB', 'mirror', 100, { filter: 'udp port 4789' });
    const before = await stopAndCount(net, sender, receiver);
    const { copies: copiesBefore } = await account(net);
    for (const agent of [sender, receiver]) agent.child.kill('SIGCONT');
    await floodUdp(net, 'nodeA', nodeB, port, many);
    const after = await stopAndCount(net, sender, receiver);
    expect(await tunnels.frames()).toEqual([]);
    // Each packet and its copy, and what the agents say to each other now and then: nothing else passes the cable.
    expect(after.sent - before.sent - (after.wordsOfA - before.wordsOfA)).toBe(2 * many);
    expect(after.received - before.received - (after.wordsOfB - before.wordsOfB)).toBe(0);
    const { copies, ...ends } = await account(net);
    expect(copies?.egress).toMatchObject({ copiedPackets: many, sampledOutPackets: 0, shedPackets: 0 });
    expect(copies?.egress?.seenPackets).toBe(many + (copies?.egress?.notMatchingPackets ?? 0));
    const leftOut = (hook: 'ingress' | 'egress') =>
      (copies?.[hook]?.notMatchingPackets ?? 0) - (copiesBefore?.[hook]?.notMatchingPackets ?? 0);
    expect(leftOut('egress')).toBe(many + after.wordsOfA - before.wordsOfA);
    expect(leftOut('ingress')).toBe(after.wordsOfB - before.wordsOfB);
    expect(copies?.ingress).toMatchObject({ copiedPackets: 0 });
    expect(ends).toMatchObject({ sentPackets: many, receivedPackets: many, refusedCopies: 0 });
  });

  test('and one the other way copy the packets of both nodes twice, and no copy', async ({ net }) => {
    await quiet(net);
    await net.tapNode('nodeA', 'nodeB', { filter: 'udp' });
    const back = net.otherTapId;
    await net.tapNode('nodeB', 'nodeA', { 'tap-id': back, ifname: 'back', vni: '101', filter: 'udp' });
    await sendUdp(net, 'nodeA', nodeB, { port, count: 500, maxBytes: 1472 });
    await sendUdp(net, 'nodeB', nodeA, { port, count: 300, maxBytes: 1472 });
    await vi.waitFor(async () => {
      expect(await account(net)).toMatchObject(expected(500, 300));
      expect(await account(net, back)).toMatchObject(expected(300, 500));
    }, settled);
    await net.ticks(6); // the agents' reports are no packets to copy either
    expect(await account(net)).toMatchObject(expected(500, 300));
    expect(await account(net, back)).toMatchObject(expected(300, 500));
  });

  test('copies datagrams whose copies travel as fragments, and not the fragments', async ({ net }) => {
    await quiet(net);
    await net.tapNode('nodeA', 'nodeB');
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    const onCable = await Capture.start(net, 'nodeB', 'underlay', 64, { filter: 'ip[6:2] & 0x1fff != 0' });
    await sendUdp(net, 'nodeA', nodeB, { port, count: 200, minBytes: 1472, maxBytes: 1472 });
    expect((await onCable.frames()).length).toBe(200); // of each copy the second one
    const frames = await atMirror.frames();
    expect(frames.filter(isUdp)).toHaveLength(200);
    expect(frames).toHaveLength(200);
    expect(await account(net)).toMatchObject({
      copies: { egress: { copiedPackets: 200 } },
      receivedPackets: 200,
    });
  });

  test('copies the fragments of the node’s own datagrams to others', async ({ net }) => {
    await quiet(net);
    await net.exec(
      'nodeA',
      'ip neighbour add 192.0.2.77 lladdr 02:00:00:00:00:77 dev underlay nud permanent',
    );
    await net.tapNode('nodeA', 'nodeB');
    await sendUdp(net, 'nodeA', '192.0.2.77', { port, count: 50, minBytes: 2000, maxBytes: 2000 });
    expect(await account(net)).toMatchObject({
      copies: { egress: { copiedPackets: 100 } },
      receivedPackets: 100,
    });
  });

  test.for(['udp and not vlan 5', 'udp or vlan 7', 'icmp or udp or (vlan 3 and tcp)', 'not tcp'])(
    'copies no copy whatever the filter: %s',
    async (filter, { net }) => {
      await quiet(net);
      await net.tapNode('nodeA', 'nodeB', { filter });
      await sendUdp(net, 'nodeA', nodeB, { port, count: 300, maxBytes: 1472 });
      await vi.waitFor(async () => {
        expect(await account(net)).toMatchObject({
          copies: { egress: { copiedPackets: 300 }, ingress: { copiedPackets: 0 } },
          receivedPackets: 300,
        });
      }, settled);
    },
  );

  test('cannot be talked out of it by a filter that closes a parenthesis', async ({ net }) => {
    await quiet(net);
    const sender = net.startAgent(
      'nodeA',
      'sender',
      '--host-network',
      '--pod-ifname=underlay',
      ...tunnelFlags,
      '--filter=tcp) or (udp',
    );
    await sender.logged('--filter is not possible: ');
    expect(await sender.stop()).toBe(1);
  });

  test('copies no copy that travels behind two VLAN tags', async ({ net }) => {
    await quiet(net);
    await net.tapNode('nodeA', 'nodeB');
    const header = `${'ff'.repeat(6)}020000000001`;
    for (const toPort of [4789, port]) {
      const datagram = `1000${toPort.toString(16).padStart(4, '0')}00080000`;
      const packet = `4500001c0000000040110000c0000202c0000201${datagram}`;
      for (const tags of ['', '81000005', '8100000581000006'])
        await sendFrames(net, 'nodeB', 'underlay', [`${header}${tags}0800${packet}`]);
    }
    expect(await account(net)).toMatchObject({ copies: { ingress: { copiedPackets: 3 } } });
  });

  test('copies no ICMP error about a copy, of which the copy of it would cause the next', async ({ net }) => {
    await quiet(net);
    await net.exec('nodeB', 'sysctl -qw net.ipv4.icmp_ratelimit=0');
    const { receiver } = await net.tapNode('nodeA', 'nodeB', { filter: 'icmp' });
    await receiver.stop();
    for (let count = 0; count < 3; count++) await sendIp(net, 'nodeA', nodeB, 1, '0800f7fe00010000'); // echo
    await sendUdp(net, 'nodeA', nodeB, { port: 9, count: 5 }); // the errors about these are copied
    await net.ticks(4); // hellos cause errors too
    const { copies } = await account(net);
    expect(copies).toMatchObject({ egress: { copiedPackets: 3 }, ingress: { copiedPackets: 8 } });
    expect(copies?.ingress?.notMatchingPackets).toBeGreaterThan(8); // those about the copies and the hellos
  });

  test('copies no encrypted packet between its two ends, for a copy may be inside', async ({ net }) => {
    await quiet(net);
    await net.tapNode('nodeA', 'nodeB');
    for (const protocol of [50, 51, 132]) await sendIp(net, 'nodeB', nodeA, protocol, '00'.repeat(40));
    const { copies } = await account(net);
    expect(copies).toMatchObject({ ingress: { copiedPackets: 1 } });
  });

  test('whose copies would be wrapped on their way is refused', async ({ net }) => {
    await quiet(net);
    await net.exec('nodeA', `ip link add tunnel type vxlan id 9 local ${nodeA} remote ${nodeB} dstport 4790`);
    await net.exec('nodeA', 'ip address add 203.0.113.1/24 dev tunnel');
    await net.exec('nodeA', 'sysctl -qw net.ipv6.conf.tunnel.disable_ipv6=1');
    await net.exec('nodeA', 'ip link set tunnel up');
    const before = await net.snapshot('nodeA');
    const flags = tunnelFlags.map((flag) => flag.replace(nodeA, '203.0.113.1').replace(nodeB, '203.0.113.2'));
    const sender = net.startAgent(
      'nodeA',
      'sender',
      '--host-network',
      '--pod-ifname=underlay',
      ...flags,
      `--tick-ms=${net.tickMs}`,
    );
    await sender.logged('The way to 203.0.113.2 goes by tunnel, of kind vxlan');
    await net.ticks(5); // it has tried again
    expect(await net.snapshot('nodeA')).toBe(before);
    expect(await sender.stop()).toBe(0);
    expect(await net.snapshot('nodeA')).toBe(before);
  });

  test('copies no copy over an IPv6 underlay, nor an error about one', async ({ net }) => {
    await net.quiet();
    const ipv6 = { local: '2001:db8:1::1', remote: '2001:db8:1::2' };
    for (const [where, address] of [
      ['nodeA', ipv6.local],
      ['nodeB', ipv6.remote],
    ] as const) {
      await net.exec(where, 'sysctl -qw net.ipv6.conf.underlay.disable_ipv6=0');
      await net.exec(where, `ip address add ${address}/64 dev underlay nodad`);
    }
    const { receiver } = await net.tapNode('nodeA', 'nodeB', { ...ipv6, filter: 'udp or icmp6[0] = 1' });
    await sinkUdp(net, 'nodeB', port);
    await sendUdp(net, 'nodeA', nodeB, { port, count: 200, maxBytes: 1472 });
    await vi.waitFor(async () => {
      expect(await account(net)).toMatchObject({
        copies: { egress: { copiedPackets: 200 }, ingress: { copiedPackets: 0 } },
        receivedPackets: 200,
      });
    }, settled);
    await receiver.stop();
    await sendUdp(net, 'nodeA', nodeB, { port, count: 20 });
    await net.ticks(4); // hellos cause errors too
    expect(await account(net)).toMatchObject({
      copies: { egress: { copiedPackets: 220 }, ingress: { copiedPackets: 0 } },
    });
  });

  test('of all its interfaces copies each packet of a pod where it passes, and no copy', async ({ net }) => {
    await quiet(net);
    await net.tapNode('nodeA', 'nodeB', { 'pod-ifname': 'all', filter: 'udp' });
    await sendUdp(net, 'pod', addresses.gateway, { port, count: 100 });
    await sendUdp(net, 'nodeA', nodeB, { port, count: 100 });
    expect(await account(net)).toMatchObject({
      copies: { ingress: { copiedPackets: 100 }, egress: { copiedPackets: 100 } },
      receivedPackets: 200,
    });
  });

  test('takes everything away that it made, and nothing else', async ({ net }) => {
    await quiet(net);
    const before = await Promise.all([net.snapshot('nodeA'), net.snapshot('nodeB')]);
    const { sender, receiver } = await net.tapNode('nodeA', 'nodeB');
    expect(await Promise.all([sender.stop(), receiver.stop()])).toEqual([0, 0]);
    expect(await Promise.all([net.snapshot('nodeA'), net.snapshot('nodeB')])).toEqual(before);
  });

  test.for([['--same-node'], ['--vni=100', '--vxlan-port=8472', `--local=${nodeA}`, `--remote=${nodeB}`]])(
    'is refused by the agent with %s',
    async (way, { net }) => {
      const sender = net.startAgent(
        'nodeA',
        'sender',
        '--host-network',
        '--pod-ifname=underlay',
        ...common,
        ...way,
      );
      await sender.logged(
        "field path: the copies of a node's packets need another node as the peer, and UDP port 4789",
      );
      expect(await sender.stop()).toBe(2);
    },
  );
});

const common = ['--tap-id=aabbccddeeff', '--ifname=mirror', '--mirror-type=both'];
const tunnelFlags = [...common, '--vni=100', '--vxlan-port=4789', `--local=${nodeA}`, `--remote=${nodeB}`];

/** Nothing is on the cable but what a test sends: no answer to datagrams either. */
async function quiet(net: Net): Promise<void> {
  await net.quiet();
  for (const where of ['nodeA', 'nodeB'] as const) await sinkUdp(net, where, port);
}

/** The account of one of two taps that see each other's nodes, when 500 packets went one way and 300 the other. */
function expected(egress: number, ingress: number) {
  return {
    copies: { egress: { copiedPackets: egress }, ingress: { copiedPackets: ingress } },
    sentPackets: 800,
    receivedPackets: 800,
  };
}

interface Cable {
  readonly sent: number;
  readonly received: number;
  /** The sender's hellos and probes. */
  readonly wordsOfA: number;
  /** The receiver's hellos and reports. */
  readonly wordsOfB: number;
}

async function mirrorCounts(net: Net, where: 'nodeA' | 'nodeB'): Promise<NetDevCounts> {
  return netDevCounts(await net.exec(where, 'cat /proc/self/net/dev'), 'mirror');
}

/** Stops the agents, so that no word of theirs comes in between, and reads the counters of node A's cable. */
async function stopAndCount(net: Net, ...agents: readonly Agent[]): Promise<Cable> {
  for (const agent of agents) agent.child.kill('SIGSTOP');
  await sleep(scaled(300));
  const [link] = JSON.parse(await net.exec('nodeA', 'ip -json -stats link show dev underlay'));
  const [atA, atB] = [await mirrorCounts(net, 'nodeA'), await mirrorCounts(net, 'nodeB')];
  const probes = await net.exec('nodeB', `nft list counter inet kokotap probes-${net.tapId}-receiver`);
  return {
    sent: link.stats64.tx.packets,
    received: link.stats64.rx.packets,
    wordsOfA: atB.malformedPackets + Number(/packets (\d+)/.exec(probes)?.[1]),
    wordsOfB: atA.malformedPackets + atA.receivedPackets,
  };
}

async function account(net: Net, tapId?: string) {
  const ends = await net.status('nodeA', tapId);
  const [sender, receiver] = ['sender', 'receiver'].map((role) => ends.find((end) => end.role === role));
  return { ...sender, receivedPackets: receiver?.receivedPackets };
}
