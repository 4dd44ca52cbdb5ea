import { expect, test } from 'vitest';
import { compareQuantities, isQuantity } from '#src/spec/quantity.ts';

test.each([
  ['1', true],
  ['0.5', true],
  ['100m', true],
  ['64Mi', true],
  ['1Gi', true],
  ['5k', true],
  ['0', false],
  ['0m', false],
  ['', false],
  ['m', false],
  ['-1', false],
  ['1.', false],
  ['1MB', false],
  ['1 Mi', false],
  ['1e3', false],
])('%j is an amount: %s', (text, is) => {
  expect(isQuantity(text)).toBe(is);
});

test.each([
  ['500m', '0.5', 0],
  ['1', '999m', 1],
  ['1k', '1000', 0],
  ['1Ki', '1k', 1],
  ['1M', '1Mi', -1],
  ['1Mi', '1024Ki', 0],
  ['1G', '999M', 1],
  ['1Gi', '1024Mi', 0],
  ['1T', '1000G', 0],
  ['1Ti', '1024Gi', 0],
  ['1.25', '1.2', 1],
  ['1.25', '1.26', -1],
  ['', '1', Number.NaN],
  ['1', '1MB', Number.NaN],
])('%s against %s: %i', (first, second, sign) => {
  expect(Math.sign(compareQuantities(first, second))).toBe(sign);
});
