import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { directions, receptions } from '#src/pcapng/packetBlock.ts';
import { addresses } from './support/addresses.ts';
import { Capture } from './support/capture.ts';
import { Capturing } from './support/capturing.ts';
import { type Net, test } from './support/net.ts';
import { echoUdp, exchangeUdp, receiveTcp, sendDatagram, sendFrames, sendTcp } from './support/traffic.ts';
import { until } from './support/wait.ts';

const place = 'shop/web:eth0';

describe('a capture of a pod', () => {
  test('has the packets that tcpdump has, with their directions', async ({ net }) => {
    await net.quiet();
    const capturing = await new Capturing(net, 'nodeA').read().begun();
    const other = await Capture.start(net, 'pod', 'eth0');
    await echoUdp(net, 'pod', 7000);
    await exchangeUdp(net, 'nodeA', addresses.pod, { port: 7000, count: 500, bytes: 20, maxBytes: 1400 });
    const frames = await other.frames();
    await capturing.end();
    expect(frames).toHaveLength(1000);
    const mac = await net.mac('pod', 'eth0');
    // What is sent and what comes at the same moment, by two CPUs, has no order.
    const sentOf = (all: readonly string[]) => all.filter((frame) => frame.startsWith(mac, 12));
    const receivedOf = (all: readonly string[]) => all.filter((frame) => !frame.startsWith(mac, 12));
    expect(sentOf(hex(capturing))).toStrictEqual(sentOf(frames));
    expect(receivedOf(hex(capturing))).toStrictEqual(receivedOf(frames));
    for (const { data, direction, reception, at, originalBytes } of capturing.packets) {
      const isSent = Buffer.from(data).toString('hex', 6, 12) === mac;
      expect(direction).toBe(isSent ? directions.out : directions.in);
      expect(reception).toBe(isSent ? receptions.unknown : receptions.unicast);
      expect(originalBytes).toBe(data.length);
      expect(at).toBe(place);
    }
    expect(capturing.counts.get(place)).toMatchObject({ received: 1000, dropped: 0, delivered: 1000 });
    expect(capturing.notes.at(-1)).toMatchObject({ event: 'done', packets: 1000 });
  });

  test('takes nothing of the pod, and leaves its network as it was', async ({ net }) => {
    await net.quiet(); // else the kernel makes addresses meanwhile
    const before = await net.snapshot('pod');
    const capturing = await new Capturing(net, 'nodeA', { filter: 'udp port 7000' }).read().begun();
    expect(await net.exec('pod', 'ip -details link show eth0')).toContain('promiscuity 0');
    await capturing.end();
    expect(await net.snapshot('pod')).toBe(before);
  });

  test('keeps what is asked for', async ({ net }) => {
    await net.quiet();
    await echoUdp(net, 'pod', 7000);
    await echoUdp(net, 'pod', 7001);
    const asked = { filter: 'udp port 7000', snapLengthBytes: 64, direction: 'egress' } as const;
    const capturing = await new Capturing(net, 'nodeA', asked).read().begun();
    for (const port of [7000, 7001]) await exchangeUdp(net, 'nodeA', addresses.pod, { port, count: 10 });
    await capturing.end();
    const seen = capturing.packets.map(({ direction, data, originalBytes }) => [
      direction,
      data.length,
      originalBytes,
    ]);
    expect(seen).toStrictEqual(Array.from({ length: 10 }, () => [directions.out, 64, 1242]));
  });

  test('puts a VLAN tag back into its frame, and filters by it', async ({ net }) => {
    await net.quiet();
    const [five, six] = ['81000005', '88a8000681000007'].map(tagged);
    const untagged = tagged('');
    const all = await new Capturing(net, 'nodeA').read().begun();
    const some = await new Capturing(net, 'nodeA', { filter: 'vlan 5' }).read().begun();
    await sendFrames(net, 'nodeA', 'vethpod', [five ?? '', six ?? '', untagged]);
    await all.end();
    await some.end();
    expect(hex(all)).toStrictEqual([five, six, untagged]);
    expect(hex(some)).toStrictEqual([five]);
    expect(all.packets.map(({ reception }) => reception)).toStrictEqual(Array(3).fill(receptions.broadcast));
  });

  test('has what passes the loopback interface once, without a direction', async ({ net }) => {
    await echoUdp(net, 'pod', 7000);
    const targets = [{ name: 'shop/web', podUid: net.podUid, interfaces: ['lo'] }];
    const capturing = await new Capturing(net, 'nodeA', { targets }).read().begun('shop/web:lo');
    await exchangeUdp(net, 'pod', '127.0.0.1', { port: 7000, count: 10 });
    await capturing.end();
    expect(capturing.packets).toHaveLength(20);
    expect(new Set(capturing.packets.map(({ direction }) => direction))).toStrictEqual(
      new Set([directions.unknown]),
    );
  });

  test('has packets without a link header as they are', async ({ net }) => {
    await net.exec('pod', 'ip tuntap add tun0 mode tun');
    await net.exec('pod', 'ip address add 203.0.113.5/24 dev tun0');
    await net.exec('pod', 'ip link set tun0 up');
    const targets = [{ name: 'shop/web', podUid: net.podUid, interfaces: ['tun0'] }];
    const asked = { targets, filter: 'udp port 7000' };
    const capturing = new Capturing(net, 'nodeA', asked).read();
    // Nobody has the other end: the interface has no carrier, but takes packets while it is held open.
    const holder = net.spawn('pod', 'perl', '-e', openTun, 'tun0');
    await capturing.begun('shop/web:tun0');
    await sendDatagram(net, 'pod', '203.0.113.9', 7000, '6869');
    await until(
      async () => capturing.packets.length > 0,
      'the packet comes',
      () => capturing.said(),
    );
    holder.kill('SIGKILL');
    await capturing.end();
    expect(capturing.notes[0]).toMatchObject({ event: 'begin', linkType: 101 });
    expect(Buffer.from(capturing.packets[0]?.data ?? []).toString('hex')).toMatch(/^4500001e.*6869$/u);
  });

  test('refuses a filter with the words of the compiler', async ({ net }) => {
    const capturing = new Capturing(net, 'nodeA', { filter: 'tcp prot 80' }).read();
    expect(await capturing.ended()).toBe(1);
    expect(capturing.stderr).toMatch(/^kokotap-agent: --filter is not possible: .*syntax error/u);
  });
});

describe('what is captured', () => {
  test('follows interfaces that come and go', async ({ net }) => {
    const targets = [{ name: 'shop/web', podUid: net.podUid, interfaces: ['eth0', 'net1'] }];
    const capturing = await new Capturing(net, 'nodeA', { targets }).read().begun();
    await capturing.waiting(/^interface net1 \(there are lo, eth0\)$/u);
    await net.addSecondInterface('veth');
    await capturing.begun('shop/web:net1');
    await net.exec('nodeA', 'ip link delete wire');
    const ended = () => capturing.notes.some((note) => note.event === 'end' && note.ifname === 'net1');
    await until(
      async () => ended(),
      'net1 ends',
      () => capturing.said(),
    );
    await capturing.end();
    expect(capturing.begins(place)).toBe(1);
  });

  test('is all interfaces, without the mirrors of taps', async ({ net }) => {
    await net.addSecondInterface('macvlan');
    await net.exec('pod', 'ip link add mirror type veth peer name other');
    for (const name of ['mirror', 'other'])
      await net.exec('pod', `ip link set ${name} alias kokotap:0123456789ab`);
    const targets = [{ name: 'shop/web', podUid: net.podUid, interfaces: ['all'] }];
    const capturing = await new Capturing(net, 'nodeA', { targets }).read().begun('shop/web:net1');
    await capturing.end();
    const names = capturing.notes.flatMap((note) => (note.event === 'begin' ? note.ifname : []));
    expect(names.toSorted()).toStrictEqual(['eth0', 'lo', 'net1']);
  });

  test('follows the pod into a new network namespace', async ({ net }) => {
    const capturing = await new Capturing(net, 'nodeA').read().begun();
    await net.stopPod();
    await capturing.waiting(/a running container/u);
    await net.startPod();
    await capturing.begun(place, 2);
    await echoUdp(net, 'pod', 7000);
    await exchangeUdp(net, 'nodeA', addresses.pod, { port: 7000, count: 1, bytes: 333 });
    await capturing.end();
    expect(capturing.packets.filter(({ originalBytes }) => originalBytes === 375)).toHaveLength(2);
  });

  test('has the targets of the last line', async ({ net }) => {
    const targets = [{ name: 'node/a', interfaces: ['underlay'] }];
    const capturing = await new Capturing(net, 'nodeA').read().begun();
    capturing.ask({ targets });
    await capturing.begun('node/a:underlay');
    const ended = () => capturing.notes.some((note) => note.event === 'end' && note.ifname === 'eth0');
    await until(
      async () => ended(),
      'the pod is left',
      () => capturing.said(),
    );
    await capturing.end();
  });

  test('of a node leaves the way of captures out', async ({ net }) => {
    await net.quiet();
    for (const port of [10_250, 10_251]) await receiveTcp(net, 'nodeB', port);
    const targets = [{ name: 'node/a', interfaces: ['underlay'] }];
    const capturing = await new Capturing(net, 'nodeA', { targets }).read().begun('node/a:underlay');
    for (const port of [10_250, 10_251]) await sendTcp(net, 'nodeA', addresses.nodeB, port, 100);
    await capturing.end();
    const ports = capturing.packets.flatMap(({ data }) => {
      const view = Buffer.from(data);
      return [view.readUInt16BE(34), view.readUInt16BE(36)];
    });
    expect(ports).toContain(10_251);
    expect(ports).not.toContain(10_250);
  });
});

describe('a reader that does not read', () => {
  test('makes the kernel drop and count, and nothing grow', async ({ net }) => {
    await net.quiet();
    const capturing = new Capturing(net, 'nodeA').beat();
    await sleep(2000);
    await flood(net, 120_000);
    const kib = residentKib(capturing);
    await flood(net, 120_000);
    expect(residentKib(capturing)).toBeLessThan(kib + 8192);
    capturing.read();
    await capturing.begun();
    await capturing.end();
    const { received, dropped, delivered } = capturing.counts.get(place) ?? {};
    expect(dropped).toBeGreaterThan(0);
    expect(received).toBe((dropped ?? 0) + (delivered ?? 0));
    expect(capturing.packets).toHaveLength(delivered ?? -1);
    expect(capturing.notes.at(-1)).toMatchObject({ event: 'done', packets: delivered });
  });

  test('finds all of a burst with a spool', async ({ net }) => {
    await net.quiet();
    const capturing = new Capturing(net, 'nodeA', { spoolBytes: 2 ** 30 }).beat();
    await sleep(2000);
    const sent = await flood(net, 120_000, 200);
    capturing.read();
    await capturing.begun();
    await until(
      async () => capturing.packets.length >= sent,
      'all comes',
      () => capturing.said(),
    );
    await capturing.end();
    expect(capturing.counts.get(place)).toMatchObject({ received: sent, dropped: 0, delivered: sent });
    expect(capturing.packets).toHaveLength(sent);
  });
});

describe('a capture ends', () => {
  test('by its input', async ({ net }) => {
    const capturing = await new Capturing(net, 'nodeA').read().begun();
    capturing.child.stdin?.end();
    expect(await capturing.ended()).toBe(0);
    expect(capturing.notes.at(-1)).toMatchObject({ event: 'done', reason: 'its input ended' });
    expect(await sockets(net)).toBe(0);
  });

  test('by silence, also when nobody reads', async ({ net }) => {
    const capturing = new Capturing(net, 'nodeA', {}, '--silence-ms=3000');
    await sleep(1500);
    await flood(net, 120_000);
    expect(await capturing.ended()).toBe(0);
  });

  test('not while its reader says that it is there', async ({ net }) => {
    const capturing = await new Capturing(net, 'nodeA', {}, '--silence-ms=2000').read().begun();
    capturing.beat();
    await sleep(5000);
    expect(capturing.child.exitCode).toBeNull();
    await capturing.end();
  });

  test('with all of its programs when it is killed', async ({ net }) => {
    const capturing = await new Capturing(net, 'nodeA').read().begun();
    expect(await sockets(net)).toBe(1);
    capturing.child.kill('SIGKILL');
    await until(async () => (await sockets(net)) === 0, 'nothing captures any more');
  });
});

test("a capture's pod ends when no reader is heard of", async ({ net }) => {
  const agent = [process.execPath, 'dist/kokotap-agent.js', 'capture-pod', '--silence-ms=1000'];
  const mount = 'mount -t tmpfs shm /dev/shm && exec "$@"';
  const begin = performance.now();
  await net.exec('nodeA', 'unshare --mount sh -c', mount, 'sh', ...agent);
  expect(performance.now() - begin).toBeGreaterThan(1000);
});

/**
 * Sends so many datagrams to the pod, where nobody takes them; how many packets passed the pod's interface.
 *
 * @param atOnce so many before a pause of 5 ms; 0: no pause
 */
async function flood(net: Net, count: number, atOnce = 0): Promise<number> {
  const packets = async () => {
    const shown = JSON.parse(await net.exec('pod', 'ip -json -stats link show eth0'));
    return shown[0].stats64.rx.packets + shown[0].stats64.tx.packets;
  };
  const before = await packets();
  await net.exec(
    'nodeA',
    'perl',
    '-MSocket',
    '-e',
    floodScript,
    addresses.pod,
    String(count),
    String(atOnce),
  );
  await sleep(300);
  return (await packets()) - before;
}

const floodScript = `
  my ($to, $count, $at_once) = @ARGV;
  socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die $!;
  my $at = pack_sockaddr_in(9, inet_aton($to));
  for my $i (1 .. $count) { send($socket, 'x' x 1400, 0, $at); select(undef, undef, undef, 0.005) if $at_once && $i % $at_once == 0 }`;

const openTun = `
  open(my $tun, '+<', '/dev/net/tun') or die $!;
  ioctl($tun, 0x400454ca, pack('a16 s x22', $ARGV[0], 0x1001)) or die $!;
  sleep 1000;`;

function residentKib({ child }: Capturing): number {
  return Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
}

/** A broadcast with VLAN tags. */
function tagged(tags: string): string {
  return `${'ff'.repeat(6)}020000000001${tags}0800${'45'.repeat(46)}`;
}

function hex({ packets }: Capturing): string[] {
  return packets.map(({ data }) => Buffer.from(data).toString('hex'));
}

/** How many sockets capture in the pod's network namespace. */
async function sockets(net: Net): Promise<number> {
  return (await net.exec('pod', 'cat /proc/net/packet')).split('\n').length - 1;
}
