import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import { expect, test } from 'vitest';

/** The first of the list. */
const [kernel = ''] = readFileSync('vm/kernels.txt', 'utf8').split(' ', 1);

test(`Linux ${kernel} boots in a virtual machine, where a tap copies both ways and leaves nothing`, async () => {
  const command = ['scripts/test-kernels.ts', `--kernel=${kernel}`, 'test/vm/smoke'];
  const { exitCode, all } = await execa(process.execPath, command, { all: true, reject: false });
  expect({ exitCode, all }).toEqual({
    exitCode: 0,
    all: expect.stringContaining(`Linux ${kernel}: 1 passed, 0 failed`),
  });
});
