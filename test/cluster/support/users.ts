import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '#src/exec/command.ts';
import { authority, kubectl } from './lab.ts';
import type { Sandbox } from './sandbox.ts';

/** A kubeconfig of somebody without rights: a user with a certificate of the cluster's authority. */
export async function user(sandbox: Sandbox, name: string): Promise<string> {
  const folder = temporaryFolder(sandbox);
  const [key, certificate] = [path.join(folder, 'key'), path.join(folder, 'crt')];
  // oxfmt-ignore
  await run('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-batch', '-days', '2',
    '-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-keyout', key, '-out', certificate, '-subj', `/CN=${name}`,
    '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=clientAuth',
  ]);
  return kubeconfig(folder, {
    'client-certificate-data': readFileSync(certificate, 'base64'),
    'client-key-data': readFileSync(key, 'base64'),
  });
}

/** A kubeconfig of somebody without rights: a ServiceAccount of the sandbox's namespace. */
export async function serviceAccount(sandbox: Sandbox, name: string): Promise<string> {
  await sandbox.kubectl('create', 'serviceaccount', name);
  return kubeconfig(temporaryFolder(sandbox), { token: await sandbox.kubectl('create', 'token', name) });
}

/** The administrator's kubeconfig with the credentials of somebody else. */
async function kubeconfig(folder: string, credentials: object): Promise<string> {
  const config = await kubectl('config', 'view', '--raw', '--minify', '--flatten', '-o', 'json');
  const file = path.join(folder, 'config');
  writeFileSync(
    file,
    JSON.stringify({ ...JSON.parse(config), users: [{ name: 'admin', user: credentials }] }),
    { mode: 0o600 },
  );
  return file;
}

function temporaryFolder(sandbox: Sandbox): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  sandbox.defer(async () => rmSync(folder, { recursive: true }));
  return folder;
}
