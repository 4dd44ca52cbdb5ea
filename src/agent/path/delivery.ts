import type { Logger } from 'pino';
import type { Tunnel } from '#src/tap/state.ts';
import { LargestCopy } from './largestCopy.ts';
import { Loss } from './loss.ts';
import type { Timing } from '#src/agent/timing.ts';
import type { PathWatch } from './pathWatch.ts';

/** Follows the copies on their way: tells when they begin and cease to be lost, and whether the largest get through. */
export function followDelivery(tunnel: Tunnel, log: Logger, timing: Timing): PathWatch {
  const loss = new Loss(tunnel, log, timing);
  const largest = new LargestCopy(tunnel, log, timing);
  return async (facts) => {
    const tooLarge = await largest.check(facts);
    const wasLosing = loss.isLosing;
    const trouble = (await loss.check(facts)) ?? tooLarge;
    if (loss.isLosing && !wasLosing) largest.doubt();
    return trouble;
  };
}
