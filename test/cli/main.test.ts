import { expect, test } from 'vitest';
import { main } from '#src/cli/main.ts';

const LINE = ['--pod=web', '--dest-node=node-b'];

/** Surroundings in which the program meets something that nobody thought of. */
const broken = {
  get KUBECTL(): string {
    throw new TypeError('not thought of');
  },
};

test('what the user cannot mend is asked to be reported', async () => {
  const printed: string[] = [];
  const outcome = await main(LINE, broken, (text) => printed.push(text));
  expect(outcome).toEqual({ exitCode: 1, text: '' });
  expect(printed).toEqual([
    'kokotap: internal error, please report it with the stack that -v shows: not thought of\n',
  ]);
});

test('-v shows the stack', async () => {
  const printed: string[] = [];
  await main([...LINE, '-v'], broken, (text) => printed.push(text));
  expect(printed[1]).toMatch(/^TypeError: not thought of\n {4}at .*\n$/su);
});
