import { expect, test } from 'vitest';
import { lastState } from '#src/cli/create/reasons.ts';

const waiting = '{"level":30,"role":"sender","state":"waiting","msg":"waiting for interface eth9"}';

test('the last state that a log tells counts', () => {
  const ready = '{"level":30,"role":"sender","state":"ready","msg":"mirror is in place at both ends"}';
  const other = '{"level":30,"role":"sender","msg":"made"}';
  expect(lastState(`${ready}\n${waiting}\n${other}\n{"state":"cut sh`)).toEqual({
    state: 'waiting',
    reason: 'waiting for interface eth9',
  });
  expect(lastState(`${other}\nSegmentation fault\n`)).toBeUndefined();
});
