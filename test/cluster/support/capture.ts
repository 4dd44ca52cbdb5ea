import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeName, nodeProgram } from './lab.ts';
import { type Packet, parsePcap } from './packets.ts';
import { until } from './until.ts';

/** How long a packet may be on its way to the capture. */
const onTheWayMs = 500;

/**
 * How much of a packet is kept, and the buffer, in which each takes as much as the longest could. tcpdump's own choice holds
 * eight packets, which a busy machine overruns.
 */
interface Room {
  readonly packetBytes: number;
  readonly bufferKiB: number;
}

/** For 1,000 packets: to make room for 4,000 took the kernel 0.2 s of a CPU. */
const wholePackets: Room = { packetBytes: 65_535, bufferKiB: 65_536 };
/** For 100,000, of which enough is kept to tell a flow's. */
const flowPackets: Room = { packetBytes: 256, bufferKiB: 32_768 };

/**
 * Captures on a node's interface what is seen while `during` runs.
 *
 * @param node a node, or a named network namespace of the control machine
 * @throws {Error} when the capture missed packets, so that it cannot say what was there.
 */
export async function captureOnNode(
  node: NodeName | { readonly netns: string },
  ifname: string,
  during: () => Promise<unknown>,
  { packetBytes, bufferKiB } = wholePackets,
): Promise<Packet[]> {
  const inside = typeof node === 'string' ? [node] : ['control', 'ip', 'netns', 'exec', node.netns];
  const room = [`--snapshot-length=${packetBytes}`, `--buffer-size=${bufferKiB}`];
  const command = [
    ...inside,
    'tcpdump',
    '--immediate-mode',
    ...room,
    '-i',
    ifname,
    '-n',
    '-U',
    '-Z',
    'root',
    '-w',
    '-',
  ];
  const child = spawn(nodeProgram, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  let messages = '';
  child.stderr.on('data', (chunk: Buffer) => (messages += chunk.toString()));
  const closed = once(child, 'close');
  let listensMs: number;
  try {
    await until('tcpdump listens', async () => {
      if (!messages.includes('listening on')) throw new Error(messages);
      return true;
    });
    // Before it set its filter it saw single packets, and while it did so none: libpcap's set_kernel_filter.
    listensMs = Date.now() + 1;
    await during();
    await sleep(onTheWayMs);
    await readUpToNow(child, () => messages);
  } finally {
    child.kill('SIGINT');
    await closed;
  }
  if (!messages.includes('\n0 packets dropped by kernel'))
    throw new Error(`the capture on ${inside.join(' ')}'s ${ifname} missed packets: ${messages}`);
  return parsePcap(Buffer.concat(output), listensMs);
}

/** Waits until tcpdump has read what the kernel has for it now, which on a busy machine it does late. */
async function readUpToNow(child: ChildProcess, messages: () => string): Promise<void> {
  let given: number | undefined;
  await until('tcpdump has read all packets', async () => {
    const before = messages().length;
    child.kill('SIGUSR1');
    await until('tcpdump says what it has read', async () => countsLine.test(messages().slice(before)));
    const [, captured, received, dropped] = countsLine.exec(messages().slice(before)) ?? [];
    given ??= Number(received);
    return Number(captured) + Number(dropped) >= given;
  });
}

const countsLine =
  /(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel/;

/** Where to capture. */
interface Place {
  readonly node: NodeName;
  readonly ifname: string;
}

/** Captures flows in several places while `during` runs, which starts when all captures do. */
export async function captureOnEach<P extends Place>(
  places: readonly P[],
  during: () => Promise<unknown>,
): Promise<{ readonly place: P; readonly packets: Packet[] }[]> {
  const listening = Promise.withResolvers<void>();
  const done = listening.promise.then(during);
  let waiting = places.length;
  const oneListens = () => {
    waiting -= 1;
    if (waiting === 0) listening.resolve();
    return done;
  };
  const capture = async (place: P) => {
    try {
      return { place, packets: await captureOnNode(place.node, place.ifname, oneListens, flowPackets) };
    } catch (error) {
      listening.reject(error); // else the other captures would wait for this one
      throw error;
    }
  };
  const [captures] = await Promise.all([Promise.all(places.map(capture)), done]);
  return captures;
}
