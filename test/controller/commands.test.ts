import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { tapDefinition } from '#src/spec/tapDefinition.ts';
import { kokotap } from '../cli/support/kokotap.ts';
import { ApiServer, freePort } from './support/apiServer.ts';
import { actAsKubelets } from './support/kubelets.ts';

const waiting = { timeout: 60_000, interval: 100 };
const taps = '/apis/kokotap.dev/v1alpha1/namespaces/default/taps';
const create = ['create', 'deploy/web', '--to=node/node-2', '--persistent'];

let server: ApiServer;
const ending = new AbortController();
let kubelets: Promise<void> = Promise.resolve();

beforeAll(async () => {
  server = await ApiServer.start();
  const { objects } = server;
  await objects.create('/api/v1/namespaces', { metadata: { name: 'kokotap' } });
  for (const index of [1, 2]) {
    await objects.create('/api/v1/nodes', { metadata: { name: `node-${index}` } });
    await objects.merge(`/api/v1/nodes/node-${index}/status`, {
      status: {
        addresses: [{ type: 'InternalIP', address: `192.0.2.${index}` }],
        conditions: [{ type: 'Ready', status: 'True', reason: 'ByHand', message: '' }],
      },
    });
  }
  await objects.create('/api/v1/namespaces/default/pods', {
    metadata: {
      name: 'web-6c9d5-x2kd4',
      labels: { app: 'web', 'pod-template-hash': '6c9d5' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-6c9d5', uid: 'rs', controller: true },
      ],
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'web' }] },
  });
}, 300_000);

afterAll(async () => {
  ending.abort();
  await kubelets;
  await server.stop();
});

const run = (...args: string[]) => kokotap(args, { KUBECONFIG: server.kubeconfig });

/** What the doctor says of Taps as a resource. */
async function diagnosis(): Promise<string> {
  const { stdout } = await run('doctor');
  return stdout.slice(stdout.indexOf('Taps as a resource'));
}

test('a Tap of the command line needs the resource and its controller, is kept, and is deleted with its pods', async () => {
  const { objects } = server;
  const withoutResource = await run(...create);
  expect(withoutResource.exitCode).toBe(1);
  expect(withoutResource.stderr).toContain(
    'can install it with its controller: kubectl apply -f deploy/kokotap.yaml',
  );
  expect(await diagnosis()).toContain('ok   KT0701 The resource Tap is not installed');

  await objects.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', tapDefinition());
  await vi.waitFor(async () => expect(await objects.get(taps)).toBeDefined(), waiting);
  expect(await diagnosis()).toContain('warn KT0702 There is no controller');
  const withoutController = await run(...create, '--timeout=1s');
  expect(withoutController.exitCode).toBe(1);
  expect(withoutController.stderr).toContain('the controller has not looked at it');
  // What a failed command has made is taken away again.
  expect(await objects.get(taps)).toMatchObject({ items: [] });

  const controller = spawn(
    process.execPath,
    [path.resolve('dist/kokotap-controller.js'), '--identity=one', `--port=${await freePort()}`],
    { env: server.env, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  kubelets = actAsKubelets(objects, 'kokotap', ending.signal);
  try {
    const made = await run(...create, '--filter=tcp port 80', '--quiet', '--timeout=180s');
    expect(made).toEqual({ exitCode: 0, stdout: 'tap/web created\n', stderr: '' });
    expect(await objects.get(`${taps}/web`)).toMatchObject({
      spec: { targets: { ref: { kind: 'Deployment', name: 'web' } }, filter: 'tcp port 80' },
    });
    expect((await run(...create)).stderr).toContain('already exists');
    expect((await run('list')).stdout).toMatch(/kokotap +[0-9a-f]{12} .* Ready /u);
    // Its agents cannot be asked, for there are none.
    expect((await run('status', 'tap/web')).stdout).toMatch(
      /sender kokotap-web-[0-9a-f]{8}-sender on node-1/u,
    );
    expect((await run('status', 'tap/other')).stderr).toContain('There is no tap "tap/other"');
    expect(await run('delete', 'tap/web')).toEqual({ exitCode: 0, stdout: 'tap/web deleted\n', stderr: '' });
    expect(await objects.get(taps)).toMatchObject({ items: [] });
    expect(await objects.get('/api/v1/namespaces/kokotap/pods')).toMatchObject({ items: [] });

    // A quota, as Kubernetes' own controller would count it.
    const quotas = '/api/v1/namespaces/kokotap/resourcequotas';
    const hard = { pods: '0' };
    await objects.create(quotas, { metadata: { name: 'none' }, spec: { hard } });
    await objects.merge(`${quotas}/none/status`, { status: { hard, used: { pods: '0' } } });
    expect((await run(...create, '--no-wait')).exitCode).toBe(0);
    const message = expect.stringMatching(/^0\/1 pods are copied: kokotap-web-.*exceeded quota: none/u);
    await vi.waitFor(
      async () =>
        expect(await objects.get(`${taps}/web`)).toMatchObject({
          status: {
            conditions: expect.arrayContaining([
              expect.objectContaining({ type: 'Ready', status: 'False', reason: 'PodRefused', message }),
            ]),
          },
        }),
      waiting,
    );
  } finally {
    controller.kill('SIGKILL');
  }
}, 300_000);
