import { expect, test } from 'vitest';
import { isOlderKernel } from '#src/tap/proc/kernelRelease.ts';

test.each([
  ['4.18.0-553.el8_10.x86_64', true],
  ['5.9.99', true],
  ['5.10.0-28-amd64', false],
  ['5.100.1', false],
  ['6.1.0-44-amd64', false],
  ['10.0', false],
  ['', false],
  ['6', false],
  ['v5.4.0', false],
])('%j is older than 5.10: %s', (release, older) => {
  expect(isOlderKernel(release, '5.10')).toBe(older);
});
