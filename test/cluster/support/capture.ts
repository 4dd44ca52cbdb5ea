import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeName, nodeProgram } from './lab.ts';
import { type Packet, parsePcap } from './packets.ts';

/** How long a packet may be on its way to the capture. */
const onTheWayMs = 500;

/** Captures on a node's interface what is seen while `during` runs. */
export async function captureOnNode(
  node: NodeName,
  ifname: string,
  during: () => Promise<unknown>,
): Promise<Packet[]> {
  // oxfmt-ignore
  const child = spawn(nodeProgram, [node, 'tcpdump', '--immediate-mode', '-i', ifname, '-n', '-U', '-s', '0', '-Z', 'root', '-w', '-'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  const exited = once(child, 'exit');
  try {
    await listening(child);
    await during();
    await sleep(onTheWayMs);
  } finally {
    child.kill('SIGINT');
    await exited;
  }
  return parsePcap(Buffer.concat(output));
}

async function listening(child: ChildProcess): Promise<void> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  while (!stderr.includes('listening on')) {
    if (child.exitCode !== null) throw new Error(`tcpdump ended: ${stderr}`);
    await sleep(20);
  }
}
