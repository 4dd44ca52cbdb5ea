import { UsageError } from '#src/errors.ts';

/** Without `--request-timeout`: the user hears of an unreachable server within 10 s. */
const DEFAULT_TIMEOUT_MS = 8000;

const UNITS = new Map([
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]);

/**
 * What kubectl's `--request-timeout` says, in milliseconds; 0: without end. A number alone is of seconds.
 *
 * @throws {UsageError} for anything else.
 */
export function requestTimeoutMs(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const plain = /^\d+$/u.test(text) ? `${text}s` : text;
  const isTime = /^(?:\d+(?:\.\d+)?(?:ms|[hms]))+$/u.test(plain);
  if (!isTime)
    throw new UsageError(
      `--request-timeout ${JSON.stringify(text)} is not possible: give a time such as 30s, 2m or 1m30s, or 0 for no limit`,
    );
  const parts = plain.matchAll(/([\d.]+)(ms|[hms])/gu);
  return [...parts].reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS.get(unit) ?? 0), 0);
}
