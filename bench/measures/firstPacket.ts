import { setTimeout as sleep } from 'node:timers/promises';
import { type Lab, onNode } from '../lab.ts';
import { clientOn, inPod } from '../pods.ts';
import { Tap } from '../ways/tap.ts';

const PING_SECONDS = 5;

/**
 * The times from the start of `kubectl create` to the first copy on the destination, with the image present and a
 * ping to the target every 10 ms.
 */
export async function measureFirstPacket(lab: Lab, target: string, runs: number): Promise<number[]> {
  const milliseconds: number[] = [];
  for (let count = 0; count < runs; count++) milliseconds.push(await measureOnce(lab, target));
  return milliseconds;
}

async function measureOnce(lab: Lab, target: string): Promise<number> {
  const tap = await Tap.print(lab, 'node-b');
  const [seen, start] = await Promise.all([
    captureOne(target),
    create(tap),
    inPod(clientOn('node-a'), 'ping', '-q', '-i0.01', `-w${PING_SECONDS}`, target),
  ]);
  await tap.delete();
  return seen - start;
}

/** Creates the tap when the others are at work, and returns when that began, in milliseconds since the epoch. */
async function create(tap: Tap): Promise<number> {
  await sleep(1000);
  const start = performance.timeOrigin + performance.now();
  await tap.create();
  return start;
}

/**
 * When the first ping of the target was on any interface of node-b. Uncopied ones never are, and a copy is one only on
 * the mirror device: before that it is UDP.
 *
 * @returns milliseconds since the epoch
 */
async function captureOne(target: string): Promise<number> {
  const tcpdump = ['tcpdump', '-tt', '-n', '-iany', '-c1', '--immediate-mode'];
  const line = await onNode('node-b', 'timeout', '10', ...tcpdump, `icmp and host ${target}`);
  const seconds = Number(line.split(' ', 1)[0]);
  if (!(seconds > 0)) throw new Error(`Cannot read tcpdump's time: ${line}`);
  return seconds * 1000;
}
