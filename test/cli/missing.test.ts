import { expect, test } from 'vitest';
import { suggestNames } from '#src/cli/missing.ts';

test.each([
  ['tset', ['test', 'other'], ': did you mean "test"?'],
  ['ab', ['aa', 'bb'], ': did you mean "aa" or "bb"?'],
  ['xyzxyz', ['test', 'other'], ': it has "test", "other"'],
  ['test', [], ''],
])('a message about %s, which is not among %j, ends with %s', (name, candidates, end) => {
  expect(suggestNames(name, candidates)).toBe(end);
});
