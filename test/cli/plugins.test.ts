import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { makeKrewPlugin } from '../../scripts/krew.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { temporaryFolder } from './support/folder.ts';
import { kokotap } from './support/kokotap.ts';
import { LEAST_NODE } from './support/nodes.ts';

const KREW = path.resolve('test/krew');
const [uri, homepage] = ['https://example.org/kubectl-kokotap.tar.gz', 'https://example.org/kokotap'];

/** Compiling krew's validator takes a minute of a CPU when Go has not kept it. */
test("krew's own validator takes the manifest", { timeout: 600_000 }, async () => {
  const folder = await temporaryFolder();
  await makeKrewPlugin(folder, uri, homepage);
  const manifest = path.join(folder, 'kokotap.yaml');
  expect(await validate(manifest)).toMatchObject({ exitCode: 0 });
  const other = path.join(await temporaryFolder(), 'kokotap.yaml');
  writeFileSync(other, readFileSync(manifest, 'utf8').replace(/^ +uri: .*\n/mu, ''));
  expect((await validate(other)).stderr).toContain('`uri` has to be set');
});

async function validate(file: string) {
  return execa('go', ['tool', 'validate-krew-manifest', `-manifest=${file}`, '-skip-install'], {
    cwd: KREW,
    reject: false,
    env: { GOFLAGS: '', GOWORK: 'off' },
  });
}

test('what krew installs runs, and says what it lacks', async () => {
  const folder = await temporaryFolder();
  await makeKrewPlugin(folder, uri, homepage);
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  await execa('tar', ['--extract', `--file=${folder}/kubectl-kokotap.tar.gz`, `--directory=${bin}`]);
  // As krew does: the manifest's program, by a link in a folder of the PATH.
  const linked = path.join(folder, 'kubectl-kokotap');
  symlinkSync(path.join(bin, 'kubectl-kokotap'), linked);
  const [nodes, programs] = [await temporaryFolder(), await temporaryFolder()];
  for (const name of ['dirname', 'readlink']) symlinkSync(`/usr/bin/${name}`, path.join(programs, name));
  symlinkSync(LEAST_NODE, path.join(nodes, 'node'));
  const plugin = async (PATH: string, ...args: string[]) =>
    execa(linked, args, { reject: false, extendEnv: false, env: { PATH } });
  expect((await plugin(`${nodes}:/usr/bin:/bin`, '--version')).stdout).toBe(packageJson.version);
  expect((await plugin(`${nodes}:/usr/bin:/bin`, 'list', '--help')).stdout).toMatch(
    /^Usage: kubectl kokotap list /u,
  );
  expect(await plugin(programs, '--version')).toMatchObject({
    exitCode: 1,
    stderr: 'kokotap: needs Node.js 22 or newer: install it from https://nodejs.org/en/download',
  });
});

const k9sSchema = z.object({
  plugins: z.record(
    z.string(),
    z.object({ command: z.literal('kokotap'), args: z.array(z.string()), scopes: z.array(z.string()) }),
  ),
});

test("kokotap understands what k9s's plugins have it do", async () => {
  const { plugins } = z.parse(k9sSchema, load(readFileSync('deploy/k9s/plugins.yaml', 'utf8')));
  expect(Object.keys(plugins)).toEqual(['kokotap-capture', 'kokotap-wireshark']);
  for (const { args, scopes } of Object.values(plugins)) {
    for (const scope of scopes) {
      const words = args.map((word) =>
        word
          .replace('$RESOURCE_NAME', scope)
          .replace(/\$(NAMESPACE|NAME|CONTEXT)/u, (_, name: string) => name.toLowerCase()),
      );
      expect((await kokotap(words, { KUBECTL: '/nonexistent' })).stderr).toContain(
        'there is no "/nonexistent"',
      );
    }
  }
});
