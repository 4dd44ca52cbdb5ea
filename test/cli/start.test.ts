import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './support/folder.ts';
import { command, kokotap, PROGRAM } from './support/kokotap.ts';

const FIXED = [['--help'], ['-h'], ['--version'], ['list', '--help'], ['capture', '-h']];

test.each(FIXED)('%j is printed as it was when the program was built', async (...args) => {
  expect(await kokotap(args)).toEqual(await command(args));
});

test('what needs no cluster starts no kubectl', async () => {
  const folder = await temporaryFolder();
  const [kubectl, trace] = [path.join(folder, 'kubectl'), path.join(folder, 'trace')];
  writeFileSync(kubectl, `#!/bin/sh\necho "$@" >> ${trace}\nexit 1\n`, { mode: 0o755 });
  for (const args of FIXED) expect((await kokotap(args, { KUBECTL: kubectl })).exitCode).toBe(0);
  expect((await kokotap(['list'], { KUBECTL: kubectl })).exitCode).toBe(1);
  // It is this file that shows that the program would have been seen.
  expect(execFileSync('grep', ['-c', '^proxy ', trace]).toString()).toBe('1\n');
});

test('help takes at most twice as long as Node.js itself', async () => {
  const empty = path.join(await temporaryFolder(), 'empty.mjs');
  writeFileSync(empty, '');
  const runs = Array.from({ length: 10 }, () => [time([PROGRAM, '--help']), time([empty])]);
  // The quickest of several runs is the one that nothing else has disturbed.
  const [own = 0, least = 0] = [0, 1].map((which) => Math.min(...runs.map((run) => run[which] ?? 0)));
  expect(own).toBeLessThan(2 * least);
});

function time(args: readonly string[]): number {
  const startMs = performance.now();
  execFileSync(process.execPath, args);
  return performance.now() - startMs;
}
