import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { tapListSchema } from '#src/cli/taps/tapList.ts';
import { refuse, startFakeApi } from '../support/fakeApi.ts';
import { commandAt } from '../support/kokotap.ts';
import { pod } from '../support/objects.ts';

function tapPod(
  role: string,
  id: string,
  settings: { namespace?: string; ready?: boolean; waiting?: string; target?: string } = {},
) {
  const { namespace = 'default', ready = true, waiting, target = `${namespace}/web-${id}` } = settings;
  const state = waiting === undefined ? {} : { waiting: { reason: waiting } };
  return pod(`kokotap-${id}-${role}`, {
    namespace,
    metadata: {
      creationTimestamp: new Date(Date.now() - 3 * 60_000).toISOString(),
      labels: {
        'app.kubernetes.io/name': 'kokotap',
        'kokotap.dev/tap': id,
        'kokotap.dev/vni': '7',
        'kokotap.dev/role': role,
      },
      annotations: {
        'kokotap.dev/target': target,
        'kokotap.dev/destination': 'node/node-b',
      },
    },
    status: { containerStatuses: [{ ready, state }] },
  });
}

const both = (id: string, settings = {}) => [
  tapPod('sender', id, settings),
  tapPod('receiver', id, settings),
];

test('taps are listed, each with what is to be known first', async () => {
  const objects = [
    ...both('a'),
    ...both('b', { waiting: 'ErrImageNeverPull', ready: false }),
    ...both('c', { ready: false }),
    tapPod('sender', 'd'),
    ...both('e', { namespace: 'team' }),
    pod('web'),
  ];
  await using api = await startFakeApi({ objects });
  expect(await commandAt(api.url, ['list'])).toEqual({
    exitCode: 0,
    stderr: '',
    stdout: `NAMESPACE   TAP   TARGET          DESTINATION   STATE               RATE   LOST   AGE
default     a     default/web-a   node/node-b   Ready               ?      ?      3m
default     b     default/web-b   node/node-b   ErrImageNeverPull   ?      ?      3m
default     c     default/web-c   node/node-b   NotReady            ?      ?      3m
default     d     default/web-d   node/node-b   Incomplete          ?      ?      3m
`,
  });
  expect((await commandAt(api.url, ['ls', '-A', '-o', 'name'])).stdout).toBe(
    ['a', 'b', 'c', 'd', 'e'].map((id) => `tap/${id}\n`).join(''),
  );
  expect((await commandAt(api.url, ['get', '-n=team', '-o', 'wide'])).stdout).toContain('3m    7\n');
});

test('as JSON a list is a TapList', async () => {
  await using api = await startFakeApi({ objects: both('a') });
  const { stdout } = await commandAt(api.url, ['list', '-o', 'json']);
  expect(z.parse(tapListSchema, JSON.parse(stdout))).toMatchObject({
    apiVersion: 'kokotap.dev/v1alpha1',
    kind: 'TapList',
    items: [{ namespace: 'default', id: 'a', destination: 'node/node-b', state: 'Ready', vni: 7 }],
  });
  expect((await commandAt(api.url, ['list', '-o', 'yaml'])).stdout).toContain('kind: TapList\n');
});

test.each([
  [['a'], 'tap/a deleted\n', ['b']],
  [['tap/a', 'pod/web-b'], 'tap/a deleted\ntap/b deleted\n', []],
  [['web-b'], 'tap/b deleted\n', ['a']],
  [['-l', 'kokotap.dev/tap=b'], 'tap/b deleted\n', ['a']],
  [['--all'], 'tap/a deleted\ntap/b deleted\n', []],
])('delete %j', async (args, stdout, left) => {
  await using api = await startFakeApi({ objects: [...both('a'), ...both('b'), pod('web-a')] });
  expect(await commandAt(api.url, ['delete', ...args])).toEqual({ exitCode: 0, stderr: '', stdout });
  const listed = await commandAt(api.url, ['list', '-o', 'name']);
  expect(listed.stdout).toBe(left.map((id) => `tap/${id}\n`).join(''));
});

test('the pods of a Tap are left to its controller', async () => {
  const ofTap = both('b', { namespace: 'kokotap', target: 'shop/tap/payments' });
  await using api = await startFakeApi({ objects: [...both('a', { namespace: 'kokotap' }), ...ofTap] });
  expect(await commandAt(api.url, ['delete', 'b', '-n=shop'])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr:
      'kokotap: The Tap "payments" has its pods made again; end it: kubectl delete tap payments -n shop\n',
  });
  expect((await commandAt(api.url, ['delete', '--all', '-n=kokotap'])).stdout).toBe('tap/a deleted\n');
  expect((await commandAt(api.url, ['list', '-A', '-o', 'name'])).stdout).toBe('tap/b\n');
});

test('a tap that is not there is not deleted', async () => {
  await using api = await startFakeApi({ objects: both('a') });
  expect(await commandAt(api.url, ['delete', 'a', 'x'])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'kokotap: There is no tap "x" in namespace "default"; see: kokotap list -A\n',
  });
  expect((await commandAt(api.url, ['list', '-o', 'name'])).stdout).toBe('tap/a\n');
});

test('taps of a namespace are those of its targets too, wherever their pods are', async () => {
  const objects = [
    ...both('a', { namespace: 'taps', target: 'default/web' }),
    ...both('b', { namespace: 'taps' }),
  ];
  await using api = await startFakeApi({ objects });
  expect((await commandAt(api.url, ['list', '-o', 'name'])).stdout).toBe('tap/a\n');
  expect((await commandAt(api.url, ['list', '-n', 'taps', '-o', 'name'])).stdout).toBe('tap/a\ntap/b\n');
});

test('who may not see the taps of the cluster sees those of the namespace and of kokotap', async () => {
  await using api = await startFakeApi({
    objects: [
      ...both('a'),
      ...both('b', { namespace: 'kokotap', target: 'default/web' }),
      ...both('c', { namespace: 'kokotap' }),
    ],
    override: ({ path }) => (path === '/api/v1/pods' ? refuse(403, 'Forbidden', 'no') : undefined),
  });
  expect((await commandAt(api.url, ['list', '-o', 'name'])).stdout).toBe('tap/a\ntap/b\n');
  expect(await commandAt(api.url, ['list', '-A'])).toMatchObject({
    exitCode: 1,
    stderr: 'kokotap: You may not list pods in all namespaces: ask for that right; the API server says: no\n',
  });
});

test('the status of a tap whose agents cannot be asked says why', async () => {
  await using api = await startFakeApi({ objects: both('a', { ready: false }) });
  const { exitCode, stdout } = await commandAt(api.url, ['status', 'web-a']);
  expect(exitCode).toBe(1);
  expect(stdout).toContain('tap/a: default/web-a to node/node-b, NotReady, VNI 7, 3m\n');
  expect(stdout).toMatch(/^  sender kokotap-a-sender on node-a: not known: /mu);
  expect(await commandAt(api.url, ['status', 'x'])).toMatchObject({
    exitCode: 1,
    stderr: 'kokotap: There is no tap "x" in namespace "default"; see: kokotap list -A\n',
  });
});

function inKokotap(id: string, target: string) {
  return both(id, { namespace: 'kokotap', target });
}

test('a name that several targets have is not guessed', async () => {
  await using api = await startFakeApi({
    objects: [...inKokotap('a', 'shop/web'), ...inKokotap('b', 'prod/web'), ...inKokotap('c', 'prod/db')],
  });
  expect(await commandAt(api.url, ['delete', 'web', '-n', 'kokotap'])).toMatchObject({
    exitCode: 1,
    stderr:
      'kokotap: "web" may be "shop/web" or "prod/web": give the namespace of the target with -n, or the taps\' ids (see kokotap list)\n',
  });
  expect((await commandAt(api.url, ['delete', 'db', '-n', 'kokotap'])).stdout).toBe('tap/c deleted\n');
  expect((await commandAt(api.url, ['delete', 'web', '-n', 'shop'])).stdout).toBe('tap/a deleted\n');
  expect((await commandAt(api.url, ['list', '-A', '-o', 'name'])).stdout).toBe('tap/b\n');
});
