import { expect } from 'vitest';
import { kokotap } from './support/lab.ts';
import { test } from './support/sandbox.ts';

test('a tap is listed while it is there, and deleted by its name', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  await sandbox.tap('--pod=web', '--dest-node=node-b');
  const list = ['list', '-n', sandbox.namespace];
  const { stdout } = await kokotap(list);
  expect(stdout).toMatch(
    new RegExp(
      `^${sandbox.namespace} +[0-9a-f]{12} +${sandbox.namespace}/web +node/node-b +Ready +\\d+s$`,
      'mu',
    ),
  );
  const { stdout: name } = await kokotap([...list, '-o', 'name']);
  const deleted = await kokotap(['delete', '-n', sandbox.namespace, name.trim()]);
  expect(deleted).toEqual({ exitCode: 0, stderr: '', stdout: `${name.trim()} deleted` });
  expect((await kokotap([...list, '-o', 'name'])).stdout).toBe('');
  expect(await sandbox.traces()).toEqual([]);
});
