import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';
import type { End } from './endpoint.ts';
import { keep } from './endpointLoop.ts';
import { takeLock } from './lock.ts';
import { Report } from './stateReport.ts';
import type { Timing } from './timing.ts';

const lockRetryMs = 250;

/**
 * Keeps an end of a tap until the signal comes, as the only agent that does.
 *
 * @throws {UserError} when what is wanted is not possible
 * @throws {CommandError} when the end cannot be taken away
 */
export async function run(
  role: Role,
  id: TapId,
  end: () => Promise<End>,
  times: Timing,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const report = new Report(log);
  let lock = await takeLock(role, id);
  while (lock === undefined && !signal.aborted) {
    report.tell('waiting', `waiting for another ${role} of this tap on this node to end`);
    await sleep(lockRetryMs * (1 + Math.random())); // or two that wait would meet again and again
    lock = await takeLock(role, id);
  }
  if (lock === undefined) return;
  try {
    await keep(await end(), { log, report, timing: times, signal });
  } finally {
    lock.release();
  }
}
