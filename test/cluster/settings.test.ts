import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { captureOnEach } from './support/capture.ts';
import { flowPort } from './support/flowProgram.ts';
import { type NodeName, onNode } from './support/lab.ts';
import { payloads } from './support/packets.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const metricsPort = 9464;
const snaplenBytes = 100;
const oneIn = 4;
const bytesPerSecond = 1_000_000 / 8;
const headerBytes = 14 + 20 + 8;

const conversations = 200;
const datagramBytes = 1000;
const pauseSeconds = 0.005;

/** Has datagrams echoed, each by a socket, and so a conversation, of its own; prints how many came back in what time. */
const conversationProgram = `
import json, socket, sys, time
start = time.monotonic()
address, port, count, size, pause = sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5])
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
for number, each in enumerate(sockets):
    each.settimeout(2)
    each.sendto(str(number).encode().ljust(size, b"."), (address, port))
    time.sleep(pause)
echoed = sum(len(each.recv(size)) == size for each in sockets)
print(json.dumps({"echoed": echoed, "seconds": time.monotonic() - start}))`;

test('--snaplen, --sample, --max-rate and --metrics-port do what README says', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const kinds = ['snaplen', 'sample', 'rate'] as const;
  const flags = {
    snaplen: [`--snaplen=${snaplenBytes}`, `--metrics-port=${metricsPort}`],
    sample: [`--sample=1/${oneIn}`],
    rate: ['--max-rate=1mbit'],
  };
  const taps = await Promise.all(
    kinds.map(async (kind, index) => {
      const ifname = `${sandbox.ifname}${index}`;
      const [sender = '', receiver = ''] = await sandbox.tap(
        '--pod=web',
        '--dest-node=node-b',
        `--ifname=${ifname}`,
        ...flags[kind],
      );
      return { kind, node: 'node-b' as const, ifname, sender, receiver };
    }),
  );
  // A copy of before the receiver was there is counted by the sender alone.
  const before = await lostOf(sandbox, taps[0]?.sender ?? '', taps[0]?.receiver ?? '');
  const [here, there] = await Promise.all([web.address(), peer.address()]);
  const args = [here, flowPort, conversations, datagramBytes, pauseSeconds].map(String);
  let seconds = 0;
  const captures = await captureOnEach(taps, async () => {
    const result = JSON.parse(await peer.exec('python3', '-c', conversationProgram, ...args));
    // Whatever becomes of the copies, the pod gets and sends all.
    expect(result).toMatchObject({ echoed: conversations });
    seconds = result.seconds;
  });
  const seen = new Map(
    captures.map(({ place, packets }) => [
      place.kind,
      { to: payloads(packets, 'udp', there, here), from: payloads(packets, 'udp', here, there) },
    ]),
  );

  const cut = seen.get('snaplen');
  const every = Array.from({ length: conversations }, (_, number) => number);
  for (const direction of [cut?.to, cut?.from]) {
    expect(numbers(direction)).toEqual(every);
    expect(new Set(direction?.map(({ length }) => length))).toEqual(new Set([snaplenBytes - headerBytes]));
  }

  const sampled = numbers(seen.get('sample')?.to);
  expect(numbers(seen.get('sample')?.from).toSorted(ascending)).toEqual(sampled.toSorted(ascending));
  // Five standard deviations around the middle.
  const spread = 5 * Math.sqrt((conversations / oneIn) * (1 - 1 / oneIn));
  expect(Math.abs(sampled.length - conversations / oneIn)).toBeLessThan(spread);

  const [snaplen, sample, rate] = (
    await Promise.all(taps.map(({ sender }) => statusOf(sandbox, sender)))
  ).map(({ copies }) => copies);
  if (snaplen === undefined || sample === undefined || rate === undefined)
    throw new Error('a tap is missing');
  expect(snaplen).toMatchObject({ ingress: { sampledOutPackets: 0, shedPackets: 0 } });
  expect(sample.ingress.sampledOutPackets).toBeGreaterThanOrEqual(conversations - sampled.length);
  const copiedBytes = rate.ingress.copiedBytes + rate.egress.copiedBytes;
  expect(rate.ingress.shedPackets + rate.egress.shedPackets).toBeGreaterThan(0);
  expect(copiedBytes).toBeGreaterThan(0);
  // What may leave at once after a pause is half a second's; and the pods were there before the traffic.
  expect(copiedBytes).toBeLessThan(bytesPerSecond * (seconds + 1));
  for (const { ingress, egress } of [snaplen, sample, rate])
    for (const all of [ingress, egress])
      expect(all.notMatchingPackets + all.sampledOutPackets + all.shedPackets + all.copiedPackets).toBe(
        all.seenPackets,
      );

  await expectMetrics(sandbox, taps[0]?.sender ?? '', taps[0]?.receiver ?? '', before);
});

/**
 * How many copies more the sender has sent than the receiver has received, once nothing is under way: a status may be a second
 * old, and pods that have just started still say who they are.
 */
async function lostOf(sandbox: Sandbox, sender: string, receiver: string): Promise<number> {
  const read = async () => {
    const [sent, received] = await Promise.all([statusOf(sandbox, sender), statusOf(sandbox, receiver)]);
    return { sent: sent.sentPackets, received: received.receivedPackets };
  };
  let last = await read();
  await until('the pod is quiet for a while', async () => {
    const before = last;
    await sleep(2000);
    last = await read();
    return last.sent === before.sent && last.received === before.received;
  });
  return last.sent - last.received;
}

/** Prometheus gets what the status says, from the loopback of both nodes. */
async function expectMetrics(
  sandbox: Sandbox,
  sender: string,
  receiver: string,
  lostBefore: number,
): Promise<void> {
  const tap = await sandbox.tapId(sender);
  await until('the metrics are what the status says', async () => {
    const [sent, received, atSender, atReceiver] = await Promise.all([
      statusOf(sandbox, sender),
      statusOf(sandbox, receiver),
      scrape('node-a'),
      scrape('node-b'),
    ]);
    expect(sent.copies.ingress.copiedPackets).toBeGreaterThanOrEqual(conversations);
    for (const direction of ['ingress', 'egress'] as const) {
      const labels = `{tap="${tap}",direction="${direction}"}`;
      const { seenPackets, copiedPackets, copiedBytes } = sent.copies[direction];
      expect(atSender).toMatchObject({
        [`kokotap_seen_packets_total${labels}`]: seenPackets,
        [`kokotap_copied_packets_total${labels}`]: copiedPackets,
        [`kokotap_copied_bytes_total${labels}`]: copiedBytes,
      });
    }
    expect(atSender).toMatchObject({ [`kokotap_sent_packets_total{tap="${tap}"}`]: sent.sentPackets });
    expect(atReceiver).toMatchObject({
      [`kokotap_received_packets_total{tap="${tap}"}`]: received.receivedPackets,
    });
    expect(sent.sentPackets - received.receivedPackets).toBe(lostBefore);
    return true;
  });
  await expect(
    onNode('node-c', 'curl', '--silent', '--show-error', `http://10.100.0.11:${metricsPort}/metrics`),
  ).rejects.toThrow('Failed to connect');
}

interface Direction {
  readonly seenPackets: number;
  readonly notMatchingPackets: number;
  readonly sampledOutPackets: number;
  readonly shedPackets: number;
  readonly copiedPackets: number;
  readonly copiedBytes: number;
}

interface Status {
  readonly copies: Record<'ingress' | 'egress', Direction>;
  readonly sentPackets: number;
  readonly receivedPackets: number;
}

/** The one end that a pod of a tap has. */
async function statusOf(sandbox: Sandbox, pod: string): Promise<Status> {
  const tap = await sandbox.tapId(pod);
  const json = await sandbox.kubectl('exec', pod, '--', 'kokotap-agent', 'status', `--tap-id=${tap}`);
  return JSON.parse(json).observed[0];
}

/** The metrics that a node serves on its loopback, by their names with their labels. */
async function scrape(node: NodeName): Promise<Record<string, number>> {
  const text = await onNode(node, 'curl', '--silent', '--fail', `http://127.0.0.1:${metricsPort}/metrics`);
  return Object.fromEntries(
    [...text.matchAll(/^(kokotap_\S+) (\d+)$/gmu)].map(([, name = '', value]) => [name, Number(value)]),
  );
}

function ascending(a: number, b: number): number {
  return a - b;
}

/** The numbers that the payloads begin with. */
function numbers(all: readonly Buffer[] = []): number[] {
  return all.map((each) => Number.parseInt(String(each), 10));
}
