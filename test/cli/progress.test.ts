import { expect, onTestFinished, test } from 'vitest';
import { Progress, stderrColumns } from '#src/cli/progress.ts';

function progressOf(columns: number | undefined) {
  const written: string[] = [];
  const progress = new Progress({ write: (text) => written.push(text), columns });
  return { progress, written };
}

test('without a terminal there is a line for each change', () => {
  const { progress, written } = progressOf(undefined);
  progress.show(['a', 'b']);
  progress.show(['a', 'c']);
  progress.show(['a', 'c']);
  progress.clear();
  expect(written).toEqual(['kokotap: a\n', 'kokotap: b\n', 'kokotap: c\n']);
});

test('on a terminal lines are rewritten in place, and taken away', () => {
  const { progress, written } = progressOf(14);
  progress.show(['abcdefgh', 'b\u001B[31m']);
  progress.show(['abcdefgh', 'b\u001B[31m']);
  progress.show(['c']);
  progress.clear();
  progress.clear();
  expect(written).toEqual([
    'kokotap: abcd\nkokotap: b\\u0\n',
    '\u001B[2A\u001B[0Jkokotap: c\n',
    '\u001B[1A\u001B[0J',
  ]);
});

test.each([
  [{ isTTY: true, columns: 120 }, {}, 120],
  [{ isTTY: true, columns: 0 }, {}, 80],
  [{ isTTY: true, columns: 120 }, { TERM: 'dumb' }, undefined],
  [{ isTTY: false, columns: 120 }, {}, undefined],
])('standard error %j with %j has %j columns', (terminal, env, columns) => {
  const { isTTY, columns: before } = process.stderr;
  Object.assign(process.stderr, terminal);
  onTestFinished(() => void Object.assign(process.stderr, { isTTY, columns: before }));
  expect(stderrColumns(env)).toBe(columns);
});
