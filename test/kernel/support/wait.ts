import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { scaled } from './speed.ts';

/**
 * Waits for something to be so.
 *
 * @param timeoutMs on a machine of usual speed; see {@link scaled}
 */
export async function until(
  condition: () => Promise<boolean>,
  timeoutMs: number,
  what: string,
  detail: () => string = () => '',
): Promise<void> {
  const limitMs = scaled(timeoutMs);
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`Waited ${limitMs} ms in vain until ${what}\n${detail()}`);
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
