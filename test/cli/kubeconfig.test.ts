import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CERTIFICATE } from './support/certificate.ts';
import { startFakeApi } from './support/fakeApi.ts';
import { temporaryFolder } from './support/folder.ts';
import { kokotap, kubeconfig, kubeconfigFile } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const objects = [pod('web'), node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const LINE = ['--pod=web', '--dest-node=node-b', '--vxlan-id=5'];
const CLOSED = 'https://127.0.0.1:9';
const UNVERIFIED = { 'insecure-skip-tls-verify': true };

/** Runs with these files in KUBECONFIG. */
async function runWith(contents: readonly (object | string)[], args: readonly string[] = []) {
  const files = await Promise.all(contents.map((content) => kubeconfigFile(content)));
  const outcome = await kokotap([...LINE, ...args], { KUBECONFIG: files.join(path.delimiter) });
  return { files, outcome, message: outcome.stderr.replace(files[0] ?? '', 'FILE') };
}

const NO_CLUSTER =
  'There is no cluster to ask: the kubeconfig ($KUBECONFIG, ~/.kube/config) has no current context with a cluster, and this is not a pod; give --kubeconfig or --context, see kubectl config get-contexts';

test.each<[string, object | string, string]>([
  ['an empty file', '', NO_CLUSTER],
  ['a cluster that is not there', { ...kubeconfig(CLOSED), clusters: [] }, NO_CLUSTER],
  [
    'a current context that is not there',
    { ...kubeconfig(CLOSED), 'current-context': 'tset' },
    'kubectl cannot be used: Error in configuration: context was not found for specified context: tset',
  ],
  [
    'a certificate that is not there',
    kubeconfig(CLOSED, { 'certificate-authority': '/nonexistent/ca.crt' }),
    'kubectl cannot be used: unable to read certificate-authority /nonexistent/ca.crt for test due to open /nonexistent/ca.crt: no such file or directory',
  ],
  [
    'a credential plugin that fails',
    kubeconfig(
      CLOSED,
      {},
      {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          interactiveMode: 'Never',
          command: '/bin/false',
        },
      },
    ),
    'Cannot log in as user "tester": getting credentials: exec: executable /bin/false failed with exit code 1',
  ],
])('%s', async (_, content, message) => {
  const { outcome, message: stderr } = await runWith([content]);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(stderr).toBe(`kokotap: ${message}\n`);
});

test('a user that is not there: kubectl asks for a name', async () => {
  const { message } = await runWith([{ ...kubeconfig(CLOSED), users: null }]);
  expect(message).toBe('Please enter Username: kokotap: kubectl cannot be used: EOF\n');
});

test('a file that is no kubeconfig', async () => {
  const { outcome, message } = await runWith(['a: {{\nb']);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(message).toMatch(/^kokotap: kubectl cannot be used: error loading config file "FILE": .+\n$/u);
});

test.each<[string, Record<string, string>]>([
  ['no kubeconfig at all', {}],
  ['KUBECONFIG names nothing that exists', { KUBECONFIG: '/nonexistent/a' }],
])('%s', async (_, env) => {
  expect(await kokotap(LINE, env)).toEqual({ exitCode: 1, stdout: '', stderr: `kokotap: ${NO_CLUSTER}\n` });
});

test('a file named by flag must exist', async () => {
  const { exitCode, stderr } = await kokotap([...LINE, '--kubeconfig=/nonexistent/config']);
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    'kokotap: kubectl cannot be used: stat /nonexistent/config: no such file or directory\n',
  );
});

test('the flag goes before KUBECONFIG, and that before ~/.kube/config', async () => {
  await using api = await startFakeApi({ objects });
  const wrong = await kubeconfigFile('{{');
  const right = await kubeconfigFile(kubeconfig(api.url));
  const wrongHome = await homeWith('{{');
  const rightHome = await homeWith(JSON.stringify(kubeconfig(api.url)));
  const outcomes = await Promise.all([
    kokotap([...LINE, `--kubeconfig=${right}`], { KUBECONFIG: wrong, HOME: wrongHome }),
    kokotap(LINE, { KUBECONFIG: right, HOME: wrongHome }),
    kokotap(LINE, { HOME: rightHome }),
  ]);
  expect(outcomes).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }, { exitCode: 0 }]);
});

test('of several files the first that sets something wins, and missing ones are skipped', async () => {
  await using api = await startFakeApi({ objects, tls: true });
  const { contexts, clusters } = kubeconfig(api.url, UNVERIFIED);
  const first = await kubeconfigFile({ contexts, clusters });
  const second = await kubeconfigFile(kubeconfig(CLOSED, {}, { token: 'of-second' }));
  const KUBECONFIG = ['/nonexistent/config', first, second].join(path.delimiter);
  expect(await kokotap(LINE, { KUBECONFIG })).toMatchObject({ exitCode: 0, stderr: '' });
  expect(new Set(api.authorizations)).toEqual(new Set(['Bearer of-second']));
});

test('--context chooses cluster and user', async () => {
  await using api = await startFakeApi({ objects });
  const config = kubeconfig(CLOSED);
  const { outcome } = await runWith(
    [
      {
        ...config,
        contexts: [...config.contexts, { name: 'other', context: { cluster: 'other' } }],
        clusters: [...config.clusters, { name: 'other', cluster: { server: `${api.url}/` } }],
      },
    ],
    ['--context=other'],
  );
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  expect(api.authorizations).toEqual(Array.from({ length: 5 }, () => undefined));
});

test('paths are relative to the file', async () => {
  await using api = await startFakeApi({ objects, tls: true });
  const file = await kubeconfigFile(
    kubeconfig(api.url, { 'certificate-authority': 'ca.crt' }, { tokenFile: 'token' }),
  );
  await writeFile(path.join(path.dirname(file), 'ca.crt'), CERTIFICATE);
  await writeFile(path.join(path.dirname(file), 'token'), 'from-file\n');
  expect(await kokotap(LINE, { KUBECONFIG: file })).toMatchObject({ exitCode: 0, stderr: '' });
  expect(api.authorizations[0]).toBe('Bearer from-file');
});

async function homeWith(content: string): Promise<string> {
  const home = await temporaryFolder();
  await mkdir(path.join(home, '.kube'));
  await writeFile(path.join(home, '.kube', 'config'), content);
  return home;
}
