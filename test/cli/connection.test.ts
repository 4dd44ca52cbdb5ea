import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { CERTIFICATE } from './support/certificate.ts';
import { startFakeApi } from './support/fakeApi.ts';
import { kokotap, kokotapAt, kubeconfig, kubeconfigFile } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const objects = [pod('web'), node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const LINE = ['--pod=web', '--dest-node=node-b', '--vxlan-id=5'];

test('nobody listens there', async () => {
  const url = await startFakeApi().then(async (api) => {
    await api[Symbol.asyncDispose]();
    return api.url;
  });
  expect(await kokotapAt(url, LINE)).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `kokotap: API server ${url} cannot be reached: connection refused; is it running, and the URL right?\n`,
  });
});

test('an unknown host', async () => {
  const { exitCode, stderr } = await kokotapAt('https://kokotap.invalid', LINE);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^kokotap: API server https:\/\/kokotap\.invalid cannot be reached: its host name is not known \(dial tcp: lookup .+\); is the URL right\?\n$/u,
  );
});

test('a server that accepts and says nothing is given up after 8 s', async () => {
  await using api = await startSilentServer();
  const startMs = performance.now();
  const outcome = await kokotapAt(api.url, LINE);
  // The rest is the start of the program and of kubectl, which a busy machine takes its time for.
  expect(performance.now() - startMs).toBeLessThan(30_000);
  expect(outcome).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `kokotap: API server ${api.url} cannot be reached: no answer within 8 s; is a firewall or a missing VPN in the way?\n`,
  });
});

test('a certificate that nobody vouches for', async () => {
  await using api = await startFakeApi({ objects, tls: true });
  expect(await kokotapAt(api.url, LINE)).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `kokotap: API server ${api.url} is not trusted: certificate signed by unknown authority; check certificate-authority in the kubeconfig\n`,
  });
});

test.each([
  [
    'the certificate authority',
    { 'certificate-authority-data': Buffer.from(CERTIFICATE).toString('base64') },
  ],
  ['the order not to verify', { 'insecure-skip-tls-verify': true }],
])('with %s the server is trusted', async (_, cluster) => {
  await using api = await startFakeApi({ objects, tls: true });
  const KUBECONFIG = await kubeconfigFile(kubeconfig(api.url, cluster));
  expect(await kokotap(LINE, { KUBECONFIG })).toMatchObject({ exitCode: 0, stderr: '' });
  expect(api.authorizations).toEqual(Array.from({ length: 5 }, () => 'Bearer secret'));
});

test('TLS spoken to a server without', async () => {
  await using api = await startFakeApi({ objects });
  const url = api.url.replace('http:', 'https:');
  const { exitCode, stderr } = await kokotapAt(url, LINE);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^kokotap: API server \S+ does not speak TLS \((?:http|tls): .+\); is the URL right\?\n$/u,
  );
});

async function startSilentServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `https://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await once(server.close(), 'close');
    },
  };
}
