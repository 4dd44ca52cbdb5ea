import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { together } from '#src/net/together.ts';

test('what is asked for while others are done is done at once afterwards', async () => {
  const done: string[] = [];
  const ask = together(async (all: readonly string[]) => {
    await turn();
    done.push(all.join(''));
    return done.length;
  });
  const first = ask('a');
  const same = ask('b');
  await turn();
  expect(done).toEqual([]);
  const later = [ask('c'), ask('d')];
  expect(await Promise.all([first, same, ...later])).toEqual([1, 1, 2, 2]);
  expect(done).toEqual(['ab', 'cd']);
  expect(await ask('e')).toBe(3);
});

test('what fails fails for itself alone', async () => {
  const asked: string[] = [];
  const ask = together(async (all: readonly string[]) => {
    asked.push(all.join(''));
    if (all.includes('bad')) throw new Error('it is bad');
    return all.join('');
  });
  const results = await Promise.allSettled([ask('a'), ask('bad'), ask('b')]);
  expect(results).toMatchObject([
    { value: 'a' },
    { reason: expect.objectContaining({ message: 'it is bad' }) },
    { value: 'b' },
  ]);
  expect(asked).toEqual(['abadb', 'a', 'bad', 'b']);
  expect(await ask('c')).toBe('c');
});
