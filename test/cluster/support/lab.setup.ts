import path from 'node:path';
import { execa } from 'execa';
import { run } from '#src/exec/command.ts';
import { build } from '../../../scripts/build.ts';
import { patient } from './patient.ts';

/**
 * Starts the lab anew with the image of this checkout: one that ran may still have the taps of a run that was killed.
 * It is left running if it ran before.
 * The programs are built here: vitest runs a project's setup before that of the whole.
 */
export default async function startLab(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[doneFor] === String(process.pid)) return undefined;
  process.env[doneFor] = String(process.pid);
  const wasUp = (await execa(path.resolve('lab/status'), { reject: false })).exitCode === 0;
  // A virtual machine (vm/boot) has them from outside.
  if (process.env['KOKOTAP_BUILT'] === undefined) {
    await build();
    await step('the image', 'image/build');
  }
  if (wasUp) await step('the old lab down', 'lab/down');
  await step('the lab', 'lab/up');
  await step('the image in the lab', 'lab/load', 'dist/kokotap-image.tar');
  return async () => {
    if (!wasUp) await step('the lab down', 'lab/down');
  };
}

/** Several projects use the lab. vitest runs this file for each, in modules of its own but in one process. */
const doneFor = 'KOKOTAP_TEST_LAB_STARTED_BY';

/** The lab makes what its cache lacks, which takes a while on a machine that has nothing. */
const longestMs = 30 * 60_000;

async function step(what: string, file: string, ...args: string[]): Promise<void> {
  const startMs = performance.now();
  await run(file, args, { timeoutMs: patient(longestMs) });
  process.stderr.write(`cluster tests: ${what}: ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
}
