import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '#src/errors.ts';
import { patient } from './patient.ts';

const firstPollMs = 100;
/** What takes long needs no close look, and each may start kubectl, which takes a tenth of a second of a CPU. */
const longestPollMs = 500;

/** Waits until `attempt` neither throws nor returns false; fails with what it said last. */
export async function until(
  what: string,
  attempt: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const longestMs = patient(timeoutMs);
  const deadline = performance.now() + longestMs;
  for (let pollMs = firstPollMs; ; pollMs = Math.min(1.2 * pollMs, longestPollMs)) {
    let last = 'it is not so';
    try {
      if (await attempt()) return;
    } catch (error) {
      last = messageOf(error);
    }
    if (performance.now() > deadline)
      throw new Error(`Waited ${longestMs} ms in vain until ${what}: ${last}`);
    await sleep(patient(pollMs));
  }
}
