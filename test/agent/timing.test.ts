import { expect, test } from 'vitest';
import { untilNextLookMs } from '#src/agent/timing.ts';

test.each([
  [0, 1000],
  [1, 999],
  [400, 600],
  [900, 100],
  [901, 1099],
  [999.5, 1000.5],
  [123_400, 600],
])('at %d ms the next look of every 1000 ms is in %d ms', (nowMs, waitMs) => {
  expect(untilNextLookMs(1000, nowMs)).toBe(waitMs);
});
