import path from 'node:path';
import { execa } from 'execa';
import { expect, inject, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { temporaryFolder } from './support/folder.ts';
import { kokotap } from './support/kokotap.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

test('the packed program installs without network and runs', { timeout: 180_000 }, async () => {
  const folder = await temporaryFolder();
  const { stdout: packed } = await execa(
    'npm',
    ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`],
    {
      cwd: ROOT,
    },
  );
  expect(packed).not.toContain('kokotap-agent');
  const prefix = path.join(folder, 'prefix');
  const tarball = path.join(folder, `kokotap-${packageJson.version}.tgz`);
  await execa('npm', [
    'install',
    '--global',
    '--offline',
    '--no-audit',
    '--no-fund',
    `--cache=${folder}/cache`,
    `--prefix=${prefix}`,
    tarball,
  ]);
  const installed = path.join(prefix, 'bin', 'kokotap');
  expect((await execa(installed, ['--version'])).stdout).toBe(packageJson.version);
  expect((await execa(installed, ['--help'], { stripFinalNewline: false })).stdout).toBe(
    (await kokotap(['--help'])).stdout,
  );
  const tap = await execa(installed, ['--pod=a', '--dest-node=b', '--kubeconfig=/nonexistent'], {
    reject: false,
    env: { KUBECTL: inject('kubectl') },
  });
  expect(tap.stderr).toContain('kubectl cannot be used: stat /nonexistent: no such file or directory');
});
