import { describe, expect, test } from 'vitest';
import { type Arrival, isDead, isSuspect, nextArrival } from '#src/tap/path/arrival.ts';

/** What looks come to, each told as what was sent by the one before and what is received. */
function look(...looks: (readonly [number | undefined, number])[]): string {
  let arrival: Arrival | undefined;
  for (const [due, received] of looks) arrival = nextArrival(arrival, due, received);
  if (arrival === undefined) return 'unknown';
  return isDead(arrival) ? 'dead' : isSuspect(arrival) ? 'suspect' : 'alive';
}

describe('nothing arrives', () => {
  test('if ten copies were due at two looks, and none came', () => {
    expect(look([undefined, 0])).toBe('alive');
    expect(look([undefined, 0], [5, 0])).toBe('suspect');
    expect(look([undefined, 0], [5, 0], [10, 0])).toBe('dead');
    expect(look([undefined, 0], [5, 0], [9, 0])).toBe('suspect');
    expect(look([undefined, 0], [5, 0], [9, 0], [10, 0])).toBe('dead');
    expect(look([undefined, 0], [500, 0])).toBe('suspect');
  });

  test('also while no more are sent', () => {
    expect(look([undefined, 0], [5, 0], [50, 0], [50, 0], [50, 0])).toBe('dead');
    expect(look([undefined, 0], [50, 0], [50, 0], [50, 0])).toBe('suspect');
  });

  test('until one arrives', () => {
    expect(look([undefined, 0], [5, 0], [50, 0], [60, 1])).toBe('alive');
    expect(look([undefined, 0], [5, 0], [50, 0], [60, 1], [60, 1])).toBe('alive');
    expect(look([undefined, 0], [5, 0], [50, 0], [60, 1], [70, 1])).toBe('suspect');
  });

  test('not for what was lost before the first look', () => {
    expect(look([undefined, 100], [600, 100], [600, 100])).toBe('suspect');
    expect(look([undefined, 100], [100, 100], [100, 100])).toBe('alive');
  });

  test('not for a device that was made anew, at either end', () => {
    expect(look([undefined, 100], [150, 100], [200, 40])).toBe('alive');
    expect(look([undefined, 100], [150, 100], [20, 100])).toBe('alive');
    expect(look([undefined, 100], [150, 100], [undefined, 100])).toBe('alive');
  });
});
