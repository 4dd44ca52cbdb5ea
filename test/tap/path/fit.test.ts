import { describe, expect, test } from 'vitest';
import { fitOf, largestWholeBytes } from '#src/tap/path/fit.ts';

const v4 = '192.0.2.2';
const v6 = '2001:db8::2';

describe('a copy has the VXLAN headers more than its packet', () => {
  test.each([
    [v4, 1550],
    [v6, 1570],
  ])('to %s', (remote, largestCopyBytes) => {
    expect(fitOf(remote, 1500, 1500, undefined)).toMatchObject({ underlayMtuBytes: 1500, largestCopyBytes });
  });
});

test.each([
  [v4, 1550, undefined, false, 'every copy fits the underlay'],
  [v6, 1570, 'copy.o', false, 'every copy fits the underlay'],
  [
    v4,
    1549,
    'copy.o',
    true,
    'TCP is cut to fit the underlay; other copies that are too large travel in up to 2 fragments',
  ],
  [
    v6,
    1569,
    'copy.o',
    true,
    'TCP is cut to fit the underlay; other copies that are too large lose their last bytes',
  ],
  [
    v4,
    1549,
    undefined,
    false,
    'copies that are larger than the underlay takes the kernel sends in up to 2 fragments',
  ],
  [v6, 1569, undefined, false, 'copies that are larger than the underlay takes the kernel drops'],
])('copies of 1500 bytes to %s over %i bytes with the programs %s', (remote, mtu, object, fitting, says) => {
  expect(fitOf(remote, mtu, 1500, object)).toMatchObject({ fitting, says });
});

test.each([
  [9000, 1550],
  [1500, 1500],
])('over %i bytes the largest copy that travels whole has %i', (mtu, bytes) => {
  expect(largestWholeBytes(fitOf(v4, mtu, 1500, undefined))).toBe(bytes);
});

test.each([
  [1500, 1500, 2],
  [2930, 1500, 2],
  [2931, 1500, 3],
  [9000, 1500, 7],
  [32_000, 1500, 22],
])('a copy of %i bytes travels over %i bytes in its fragments', (target, mtu, count) => {
  expect(fitOf(v4, mtu, target, 'copy.o').says).toContain(`travel in up to ${count} fragments`);
});
