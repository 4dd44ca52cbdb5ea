import { execa } from 'execa';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { kokotap, PROGRAM } from './support/kokotap.ts';
import { LEAST_NODE, OLDER_NODES } from './support/nodes.ts';

test('the tests of the command line run it with the least Node.js that it is for', async () => {
  expect(packageJson.engines.node).toBe('>=22');
  expect((await execa(LEAST_NODE, ['--version'])).stdout).toBe('v22.0.0');
  expect((await kokotap(['--version'])).stdout).toBe(`${packageJson.version}\n`);
});

const calls = [[], ['--help'], ['--version'], ['--zzz'], ['--pod=web', '--dest-node=node-b', '-v']];

test.each(
  Object.entries(OLDER_NODES).flatMap(([version, node]) =>
    calls.map((args): [string, string[], string] => [version, args, node]),
  ),
)('Node.js %s is too old, whatever is asked: %j', async (version, args, node) => {
  const { exitCode, stdout, stderr } = await execa(node, [PROGRAM, ...args], {
    reject: false,
    stripFinalNewline: false,
  });
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `kokotap: needs Node.js 22 or newer, but runs on ${version}: install a newer one from https://nodejs.org/en/download\n`,
  });
});
