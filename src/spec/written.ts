/** How people write values that are no plain texts. Each gives what no number can be read from as NaN, which no field takes. */

/** What {@link durationSeconds} reads. */
const DURATION_PATTERN = /^(?:\d+[hms])+$/u;
/** What {@link oneIn} reads. */
export const ONE_IN_PATTERN = /^1\/(\d+)$/u;
/** What {@link bytesPerSecond} reads. */
export const RATE_PATTERN = /^(\d+)([kmg]?)bit$/u;

/** A time in hours, minutes and seconds as kubectl writes it, in seconds. */
export function durationSeconds(text: string): number {
  const unitSeconds = new Map([
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ]);
  const parts = DURATION_PATTERN.test(text) ? Array.from(text.matchAll(/(\d+)([hms])/gu)) : [];
  if (parts.length === 0) return Number.NaN;
  return parts.reduce(
    (sum, [, count = '', unit = '']) => sum + Number(count) * (unitSeconds.get(unit) ?? 0),
    0,
  );
}

/** The N of 1/N. */
export function oneIn(text: string): number {
  return Number(ONE_IN_PATTERN.exec(text)?.[1]);
}

/** A rate as tc writes it, of bits with their SI units, in bytes. */
export function bytesPerSecond(text: string): number {
  const [, count, unit = ''] = RATE_PATTERN.exec(text) ?? [];
  return Math.floor((Number(count) * 1000 ** ['', 'k', 'm', 'g'].indexOf(unit)) / 8);
}
