import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeName, nodeProgram } from './lab.ts';
import { type Packet, parsePcap } from './packets.ts';
import { until } from './until.ts';

/** How long a packet may be on its way to the capture. */
const onTheWayMs = 500;

/**
 * Room for thousands of packets: each takes as much of the buffer as the longest could. tcpdump's own choice holds
 * eight, which a busy machine overruns.
 */
const room = ['--immediate-mode', '--snapshot-length=65535', '--buffer-size=262144'];

/**
 * Captures on a node's interface what is seen while `during` runs.
 *
 * @throws {Error} when the capture missed packets, so that it cannot say what was there.
 */
export async function captureOnNode(
  node: NodeName,
  ifname: string,
  during: () => Promise<unknown>,
): Promise<Packet[]> {
  const command = [node, 'tcpdump', ...room, '-i', ifname, '-n', '-U', '-Z', 'root', '-w', '-'];
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
  } finally {
    child.kill('SIGINT');
    await closed;
  }
  if (!messages.includes('\n0 packets dropped by kernel'))
    throw new Error(`the capture on ${node}'s ${ifname} missed packets: ${messages}`);
  return parsePcap(Buffer.concat(output), listensMs);
}
