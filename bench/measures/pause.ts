import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import * as z from 'zod/mini';
import { kubectl, onNode } from '../lab.ts';
import { TARGET } from '../pods.ts';
import type { Target } from '../terms.ts';

const PROGRAM = readFileSync(path.join(import.meta.dirname, '../pause.py'), 'utf8');
const ROUNDS = 50;

const microseconds = z.array(z.number());
const report = z.object({ add: microseconds, list: microseconds, delete: microseconds });

/**
 * For how many microseconds the target could send nothing while a clsact qdisc came, while qdiscs were only listed, and
 * while it went, in each of the rounds; 0: nothing was lost.
 */
export type Pauses = z.infer<typeof report>;

/** Measures what making and removing a tap costs an interface, on an idle machine and on one whose CPUs all compute. */
export async function measurePauses(target: Target): Promise<Record<'idle' | 'busy', Pauses>> {
  const idle = await measureOnce(target);
  const stop = new AbortController();
  const { signal } = stop;
  try {
    for (let cpu = 0; cpu < availableParallelism(); cpu++)
      spawn(process.execPath, ['--eval', 'for (;;);'], { signal, stdio: 'ignore' }).on('error', ignoreAbort);
    return { idle, busy: await measureOnce(target) };
  } finally {
    stop.abort();
  }
}

async function measureOnce({ nodePid }: Target): Promise<Pauses> {
  const address = await kubectl('get', 'pod', TARGET, '--output=jsonpath={.status.hostIP}');
  const args = [String(nodePid), address, String(ROUNDS), 'eth0'];
  return report.parse(JSON.parse(await onNode('node-a', 'python3', '-c', PROGRAM, ...args)));
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
