import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { command, kokotap, PROGRAM } from './support/kokotap.ts';

test('who stops reading gets no complaint', async () => {
  const child = spawn(process.execPath, [PROGRAM, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect({ stderr, exitCode: child.exitCode }).toEqual({ stderr: '', exitCode: 1 });
});

test('a full disk is an error', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [PROGRAM, '--help'], { stdio: ['ignore', full, 'pipe'] });
  const stderr = child.stderr ? await text(child.stderr) : '';
  expect(stderr).toMatch(/^kokotap: .*ENOSPC/u);
});

test('a wrong flag is told on standard error and ends the program with 2', async () => {
  expect(await kokotap(['--pdo=web'])).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: 'kokotap: Unknown flag "--pdo", did you mean --pod?, see kokotap --help\n',
  });
});

test('help does not depend on the terminal', async () => {
  const wide = await kokotap(['--help'], { COLUMNS: '200', FORCE_COLOR: '1' });
  expect(wide).toEqual(await command(['--help']));
});
