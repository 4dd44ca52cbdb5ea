import { expect, test } from 'vitest';
import { retryDelayMs } from '#src/kube/retry.ts';

const get = { method: 'GET' } as const;

test.each([200, 404, 403, 500, 502])('the answer %i stands', (status) => {
  expect(retryDelayMs(get, { status, headers: {} }, 1)).toBeUndefined();
});

test.each([429, 503])('after %i a request is sent again, later and later, five times in all', (status) => {
  const delays = [1, 2, 3, 4, 5].map((tries) => retryDelayMs(get, { status, headers: {} }, tries));
  expect(delays).toEqual([250, 500, 1000, 2000, undefined]);
});

test.each([
  ['1', 1000],
  ['60', 5000],
  ['0', 250],
  ['soon', 250],
])('Retry-After: %s', (after, delayMs) => {
  expect(retryDelayMs(get, { status: 429, headers: { 'retry-after': after } }, 1)).toBe(delayMs);
});

test.each(['POST', 'DELETE'] as const)('%s is not sent twice if it may have been done', (method) => {
  expect(retryDelayMs({ method }, { status: 503, headers: {} }, 1)).toBeUndefined();
  expect(retryDelayMs({ method }, { status: 429, headers: {} }, 1)).toBe(250);
});
