import { expect, test } from 'vitest';
import { ringMebibytes } from '#src/capture/ringSize.ts';

test.for([
  [1, 64],
  [8, 64],
  [9, 56],
  [50, 10],
  [1000, 4],
])('%i interfaces have %i MiB each', ([interfaces, mebibytes]) => {
  expect(ringMebibytes(interfaces ?? 0)).toBe(mebibytes);
});
