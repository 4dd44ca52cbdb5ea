import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '#src/exec/command.ts';
import { VERSION } from '#src/version.ts';

const ARCHIVE = 'kubectl-kokotap.tar.gz';

/**
 * Packs the built program as a plugin for krew, and writes the manifest that names the archive.
 *
 * @param folder gets both
 * @param uri where the archive will be
 * @param homepage of the project
 */
export async function makeKrewPlugin(folder: string, uri: string, homepage: string): Promise<void> {
  const content = mkdtempSync(path.join(tmpdir(), 'kokotap-krew-'));
  try {
    cpSync('dist/kokotap.js', path.join(content, 'kubectl-kokotap.js'));
    cpSync('dist/chunks', path.join(content, 'chunks'), { recursive: true });
    for (const file of ['package.json', 'LICENSE']) cpSync(file, path.join(content, file));
    cpSync('deploy/krew/kubectl-kokotap', path.join(content, 'kubectl-kokotap'));
    chmodSync(path.join(content, 'kubectl-kokotap'), 0o755);
    const archive = path.resolve(folder, ARCHIVE);
    await run('tar', [
      '--create',
      '--gzip',
      '--sort=name',
      '--owner=0',
      '--group=0',
      `--file=${archive}`,
      `--directory=${content}`,
      '.',
    ]);
    const values = new Map([
      ['VERSION', VERSION],
      ['HOMEPAGE', homepage],
      ['URI', uri],
      ['SHA256', createHash('sha256').update(readFileSync(archive)).digest('hex')],
    ]);
    const manifest = readFileSync('deploy/krew/kokotap.yaml', 'utf8').replace(/^#.*\n/u, '');
    const filled = manifest.replaceAll(
      /\b(?:VERSION|HOMEPAGE|URI|SHA256)$|(?<=v)VERSION$/gmu,
      (name) => values.get(name) ?? name,
    );
    writeFileSync(path.join(folder, 'kokotap.yaml'), filled);
  } finally {
    rmSync(content, { recursive: true });
  }
}

if (import.meta.main) {
  const [uri, homepage] = process.argv.slice(2);
  if (uri === undefined || homepage === undefined)
    throw new Error('usage: scripts/krew.ts ARCHIVE-URI HOMEPAGE: where people will find both');
  await makeKrewPlugin('dist', uri, homepage);
}
