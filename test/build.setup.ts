import { existsSync } from 'node:fs';
import { stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#src/exec/command.ts';
import { build } from '../scripts/build.ts';

/**
 * Tests of the command lines run the built programs, and the agent loads its eBPF object. A virtual machine (vm/boot) has
 * them from outside, and no compiler.
 */
export default async function buildAll(): Promise<void> {
  if (process.env['KOKOTAP_BUILT'] !== undefined) return;
  await Promise.all([build(), run('scripts/bpf', [], { timeoutMs: 60_000 }), installNodes()]);
}

const nodes = path.resolve('test/nodes');

/** Installs the Node.js versions that the command line is tested with, unless they are there. */
async function installNodes(): Promise<void> {
  const lock = path.join(nodes, 'package-lock.json');
  const installed = path.join(nodes, 'node_modules/.package-lock.json');
  if (existsSync(installed) && (await stat(installed)).mtimeMs >= (await stat(lock)).mtimeMs) return;
  // Each of them has a program `node`, of which no link is wanted.
  await run('npm', ['ci', `--prefix=${nodes}`, '--no-bin-links', '--no-audit', '--no-fund'], {
    timeoutMs: 300_000,
  });
  await utimes(installed, new Date(), new Date());
}
