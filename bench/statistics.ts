/** What a measure's repetitions say: the middle one, and between which bounds all are. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws {RangeError} if there are no values. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (low === undefined || high === undefined || min === undefined || max === undefined) {
    throw new RangeError('There is no median of no values');
  }
  return { median: (low + high) / 2, min, max };
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
