import { expect, test } from 'vitest';
import { nearNames } from '#src/cli/nearNames.ts';

test.each([
  ['centoss', ['centos', 'debian'], ['centos']],
  ['web', ['web-5d4f8c9b7d-x2x9z', 'database'], ['web-5d4f8c9b7d-x2x9z']],
  ['node-c', ['node-b', 'node-a', 'node-v6'], ['node-a', 'node-b']],
  ['n0', ['n1', 'n2', 'n3', 'n4'], ['n1', 'n2', 'n3']],
  ['xyz', ['web', 'db'], []],
  ['web', ['website'], []],
  ['web', ['web-1', 'wab'], ['wab', 'web-1']],
  ['abc', ['axx'], []],
  ['abcd', ['abxx', 'axxx'], ['abxx']],
  ['abcd', ['axxx'], []],
  ['abcdefg', ['abcdxxx'], []],
  ['abcdefgh', ['abcdexxx'], ['abcdexxx']],
  ['abcdefghijkl', ['abcdefghxxxx'], []],
  ['web', [], []],
])('%s among %j', (name, candidates, near) => {
  expect(nearNames(name, candidates)).toEqual(near);
});
