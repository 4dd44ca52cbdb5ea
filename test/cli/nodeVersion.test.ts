import { execa } from 'execa';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { startFakeApi } from './support/fakeApi.ts';
import { commandAt, kokotapAt, PROGRAM } from './support/kokotap.ts';
import { LEAST_NODE, OLDER_NODES } from './support/nodes.ts';
import { node, pod } from './support/objects.ts';

test('the built program runs on the least Node.js that package.json names', async () => {
  expect(packageJson.engines.node).toBe('>=22');
  expect((await execa(LEAST_NODE, ['--version'])).stdout).toBe('v22.0.0');
  await using api = await startFakeApi({ objects: [pod('web'), node('node-a', ['10.0.0.1'])] });
  const args = ['--pod=web', '--dest-node=node-a', '--filter=tcp'];
  const printed = await kokotapAt(api.url, args);
  expect(printed).toEqual(await commandAt(api.url, args));
  expect(printed).toMatchObject({ exitCode: 0, stderr: '' });
});

const calls = [[], ['--help'], ['--version'], ['--zzz'], ['--pod=web', '--dest-node=node-b', '-v']];

test.each(
  Object.entries(OLDER_NODES).flatMap(([version, program]) =>
    calls.map((args): [string, string[], string] => [version, args, program]),
  ),
)('Node.js %s is too old, whatever is asked: %j', async (version, args, program) => {
  const { exitCode, stdout, stderr } = await execa(program, [PROGRAM, ...args], {
    reject: false,
    stripFinalNewline: false,
  });
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `kokotap: needs Node.js 22 or newer, but runs on ${version}: install a newer one from https://nodejs.org/en/download\n`,
  });
});
