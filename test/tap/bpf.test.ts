import { expect, test } from 'vitest';
import { matchAll, unless } from '#src/tap/bpf.ts';

const ipv4 = '4,40 0 0 12,21 0 1 2048,6 0 0 262144,6 0 0 0';

test('a program that excludes stands before the one that matches, which it goes on to', () => {
  expect(unless(ipv4, matchAll)).toBe('5,40 0 0 12,21 0 1 2048,6 0 0 0,5 0 0 0,6 0 0 4294967295');
});

test('an early end of the excluding program jumps over the rest of it', () => {
  const early = '5,40 0 0 12,21 1 0 2048,6 0 0 0,6 0 0 262144,6 0 0 0';
  expect(unless(early, ipv4)).toBe(
    '9,40 0 0 12,21 1 0 2048,5 0 0 2,6 0 0 0,5 0 0 0,40 0 0 12,21 0 1 2048,6 0 0 262144,6 0 0 0',
  );
});
