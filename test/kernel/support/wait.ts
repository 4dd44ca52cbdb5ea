import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { scaled } from './speed.ts';

/**
 * How long a test waits for what takes a second: a machine at work may stop for many. It is no promise of the product, and
 * costs nothing where all is well.
 */
export const patienceMs = scaled(60_000);

/** What `expect.poll` takes to wait so long. */
export const soon = { timeout: patienceMs };

/** Waits for something to be so, as long as {@link patienceMs}. */
export async function until(
  condition: () => Promise<boolean>,
  what: string,
  detail: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`Waited ${patienceMs} ms in vain until ${what}\n${detail()}`);
    await sleep(20);
  }
}

/** Ends a process, if it has not ended; returns its exit code. */
export async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<number | null> {
  if (child === undefined) return null;
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
  return child.exitCode;
}
