import { expect, test } from 'vitest';
import { traces, tracesOfAnyTap } from './support/traces.ts';

/** After all other tests of the cluster, which look for what their own taps have left. */
test('no tap of the whole run has left anything on any node', async () => {
  expect(await traces(tracesOfAnyTap)).toEqual([]);
});
