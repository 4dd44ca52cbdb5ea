import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CERTIFICATE } from './support/certificate.ts';
import { type FakeApi, startFakeApi } from './support/fakeApi.ts';
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

test.each<[string, object | string, string]>([
  [
    'something else than a mapping',
    '- a',
    'Kubeconfig "FILE" is broken: the file should be of type object; compare with: kubectl config view',
  ],
  [
    'a cluster without server',
    { clusters: [{ name: 'a', cluster: {} }] },
    'Kubeconfig "FILE" is broken: clusters.0.cluster.server should be of type string; compare with: kubectl config view',
  ],
  [
    'an empty file',
    '',
    'The kubeconfig has no current context: give --context, one of kubectl config get-contexts',
  ],
  [
    'a current context that is not there',
    { ...kubeconfig(CLOSED), 'current-context': 'tset' },
    'The kubeconfig has no context "tset": did you mean "test"?',
  ],
  [
    'a cluster that is not there',
    { ...kubeconfig(CLOSED), clusters: [] },
    'Context "test" refers to cluster "test", which the kubeconfig does not have: repair it or give --context',
  ],
  [
    'a user that is not there',
    { ...kubeconfig(CLOSED), users: null },
    'Context "test" refers to user "tester", which the kubeconfig does not have: repair it or give --context',
  ],
  [
    'a server that is no URL',
    kubeconfig('127.0.0.1:6443'),
    'The kubeconfig\'s server "127.0.0.1:6443" is no http or https URL: repair it or give --context',
  ],
  ...[{ 'certificate-authority': '/nonexistent/ca.crt' }, { 'certificate-authority-data': 'Y2E=' }].map(
    (authority): [string, object, string] => [
      `not to be verified, and ${Object.keys(authority).join()}`,
      kubeconfig(CLOSED, { ...UNVERIFIED, ...authority }),
      'Cluster "test" of the kubeconfig has a certificate authority and insecure-skip-tls-verify, which ignores it: remove one of them',
    ],
  ),
  [
    'a certificate that is not there',
    kubeconfig(CLOSED, { 'certificate-authority': '/nonexistent/ca.crt' }),
    'Cannot use the credential of user "tester": ENOENT: no such file or directory, open \'/nonexistent/ca.crt\'',
  ],
  [
    'a token that is not there',
    kubeconfig(CLOSED, {}, { tokenFile: '/nonexistent/token' }),
    'Cannot read the kubeconfig\'s tokenFile "/nonexistent/token"',
  ],
  [
    'a credential plugin that is not there',
    kubeconfig(CLOSED, {}, { exec: { command: 'no-such-plugin', installHint: 'get it from\nus' } }),
    'The credential plugin "no-such-plugin" of user "tester" failed: spawn no-such-plugin ENOENT; get it from us',
  ],
  [
    'a credential plugin that fails',
    kubeconfig(
      CLOSED,
      {},
      { exec: { command: process.execPath, args: ['-e', 'console.error("log in first");process.exit(3)'] } },
    ),
    `The credential plugin ${JSON.stringify(process.execPath)} of user "tester" failed: log in first`,
  ],
])('%s', async (_, content, message) => {
  const { outcome, message: stderr } = await runWith([content]);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(stderr).toBe(`kokotap: ${message}\n`);
});

test('YAML that cannot be parsed', async () => {
  const { outcome, message } = await runWith(['a: {{\nb']);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(message).toMatch(/^kokotap: Cannot read kubeconfig "FILE": .+\n$/u);
});

test('no kubeconfig at all', async () => {
  expect(await kokotap(LINE, { HOME: '/nonexistent' })).toEqual({
    exitCode: 1,
    stdout: '',
    stderr:
      'kokotap: No kubeconfig found: KUBECONFIG is not set, "/nonexistent/.kube/config" does not exist, and this is not a pod; give --kubeconfig\n',
  });
});

test('KUBECONFIG names nothing that exists', async () => {
  const { stderr } = await kokotap(LINE, { KUBECONFIG: `/nonexistent/a${path.delimiter}/nonexistent/b` });
  expect(stderr).toBe(
    'kokotap: No kubeconfig found: KUBECONFIG names "/nonexistent/a", "/nonexistent/b", which does not exist\n',
  );
});

test('a file named by flag must exist', async () => {
  const { exitCode, stderr } = await kokotap([...LINE, '--kubeconfig=/nonexistent/config']);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('Cannot read kubeconfig "/nonexistent/config": ENOENT');
});

test('no such context', async () => {
  const { message } = await runWith([kubeconfig(CLOSED)], ['--context=production']);
  expect(message).toBe('kokotap: The kubeconfig has no context "production": it has "test"\n');
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

test('a credential plugin beside the kubeconfig is told what it is asked for', async () => {
  await using api = await startFakeApi({ objects, tls: true });
  const file = await kubeconfigFile(
    kubeconfig(api.url, UNVERIFIED, {
      exec: { command: './plugin', apiVersion: 'client.authentication.k8s.io/v1' },
    }),
  );
  await writePlugin(path.join(path.dirname(file), 'plugin'));
  expect(await kokotap(LINE, { KUBECONFIG: file })).toMatchObject({ exitCode: 0, stderr: '' });
  expectAuthorization(api, 'Bearer client.authentication.k8s.io/v1');
});

test.each<[string, object]>([
  ['a token', { token: 'secret' }],
  ['a token in a file', { tokenFile: '/nonexistent/token' }],
  ['a password', { username: 'dev', password: 'secret' }],
  ['a plugin', { exec: { command: '/nonexistent/plugin' } }],
  ['a certificate', { 'client-certificate': '/nonexistent/crt', 'client-key': '/nonexistent/key' }],
])('%s is neither got for a server without TLS nor sent to it', async (_, user) => {
  await using api = await startFakeApi({ objects });
  const { outcome } = await runWith([kubeconfig(api.url, {}, user)]);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  expect(api.authorizations).toEqual(Array.from({ length: 5 }, () => undefined));
});

test.each<[string, object, string]>([
  ['a name without a password', { username: 'dev' }, `Basic ${btoa('dev:')}`],
  ['a token whose file is not there', { token: 'old', tokenFile: '/nonexistent/token' }, 'Bearer old'],
])('%s is sent as kubectl sends it', async (_, user, authorization) => {
  await using api = await startFakeApi({ objects, tls: true });
  const { outcome } = await runWith([kubeconfig(api.url, UNVERIFIED, user)]);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  expectAuthorization(api, authorization);
});

test('every request asks to act as all that the kubeconfig says', async () => {
  await using api = await startFakeApi({ objects, tls: true });
  const user = {
    token: 'secret',
    as: 'dev',
    'as-uid': '7',
    'as-groups': ['ops', 'sre'],
    'as-user-extra': { 'example.org/scopes (all)': ['view', 'edit'] },
  };
  const { outcome } = await runWith([kubeconfig(api.url, UNVERIFIED, user)]);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  const asked = {
    'impersonate-user': ['dev'],
    'impersonate-uid': ['7'],
    'impersonate-group': ['ops', 'sre'],
    'impersonate-extra-example.org%2fscopes%20%28all%29': ['view', 'edit'],
  };
  expect(api.impersonations).toEqual(Array.from({ length: 5 }, () => asked));
  expectAuthorization(api, 'Bearer secret');
});

test.each<[string, object]>([
  ['as-groups', { 'as-groups': ['ops'] }],
  ['as-uid', { 'as-uid': '7' }],
  ['as-user-extra', { 'as-user-extra': { a: ['b'] } }],
])('%s without a user is refused, for the account would act as itself', async (_, user) => {
  await using api = await startFakeApi({ objects, tls: true });
  const { outcome } = await runWith([kubeconfig(api.url, UNVERIFIED, { token: 'secret', ...user })]);
  expect(outcome).toMatchObject({
    exitCode: 1,
    stderr:
      'kokotap: User "tester" of the kubeconfig has as-groups, as-uid or as-user-extra, but no "as" that names a user: add it, or remove them\n',
  });
  expect(api.authorizations).toEqual([]);
});

test('no groups are nobody else', async () => {
  await using api = await startFakeApi({ objects, tls: true });
  const { outcome } = await runWith([kubeconfig(api.url, UNVERIFIED, { token: 'secret', 'as-groups': [] })]);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  expect(api.impersonations[0]).toEqual({});
});

test('a token in a file goes before another one', async () => {
  await using api = await startFakeApi({ objects, tls: true });
  const file = await kubeconfigFile(kubeconfig(api.url, UNVERIFIED, { token: 'stale', tokenFile: 'token' }));
  await writeFile(path.join(path.dirname(file), 'token'), 'fresh\n');
  expect(await kokotap(LINE, { KUBECONFIG: file })).toMatchObject({ exitCode: 0, stderr: '' });
  expectAuthorization(api, 'Bearer fresh');
});

function expectAuthorization(api: FakeApi, authorization: string): void {
  expect(new Set(api.authorizations)).toEqual(new Set([authorization]));
}

/** Its token is the API version that it is asked for. */
async function writePlugin(file: string): Promise<void> {
  const script = `#!${process.execPath}
const { apiVersion, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
console.log(JSON.stringify({ apiVersion, kind, status: { token: apiVersion } }));
`;
  await writeFile(file, script);
  await chmod(file, 0o755);
}

async function homeWith(content: string): Promise<string> {
  const home = await temporaryFolder();
  await mkdir(path.join(home, '.kube'));
  await writeFile(path.join(home, '.kube', 'config'), content);
  return home;
}
