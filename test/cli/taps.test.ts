import { expect, test } from 'vitest';
import { startFakeApi } from './support/fakeApi.ts';
import { commandAt } from './support/kokotap.ts';
import { pod } from './support/objects.ts';

function tapPod(
  role: string,
  id: string,
  settings: { namespace?: string; ready?: boolean; waiting?: string } = {},
) {
  const { namespace = 'default', ready = true, waiting } = settings;
  const state = waiting === undefined ? {} : { waiting: { reason: waiting } };
  return pod(`kokotap-${id}-${role}`, {
    namespace,
    metadata: {
      creationTimestamp: new Date(Date.now() - 3 * 60_000).toISOString(),
      labels: { 'app.kubernetes.io/name': 'kokotap', 'kokotap.dev/tap': id, 'kokotap.dev/vni': '7' },
      annotations: {
        'kokotap.dev/target': `${namespace}/web-${id}`,
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
    stdout: `NAMESPACE   TAP   TARGET          DESTINATION   STATE               AGE
default     a     default/web-a   node/node-b   Ready               3m
default     b     default/web-b   node/node-b   ErrImageNeverPull   3m
default     c     default/web-c   node/node-b   NotReady            3m
default     d     default/web-d   node/node-b   Incomplete          3m
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
  expect(JSON.parse(stdout)).toMatchObject({
    apiVersion: 'kokotap.dev/v1alpha1',
    kind: 'TapList',
    items: [{ namespace: 'default', id: 'a', destination: 'node/node-b', state: 'Ready', vni: 7 }],
  });
  expect((await commandAt(api.url, ['list', '-o', 'yaml'])).stdout).toContain('kind: TapList\n');
});

test.each([
  [['a'], 'tap/a deleted\n', ['b']],
  [['tap/a', 'pod/web-b'], 'tap/a deleted\ntap/b deleted\n', []],
  [['--all'], 'tap/a deleted\ntap/b deleted\n', []],
])('delete %j', async (args, stdout, left) => {
  await using api = await startFakeApi({ objects: [...both('a'), ...both('b'), pod('web-a')] });
  expect(await commandAt(api.url, ['delete', ...args])).toEqual({ exitCode: 0, stderr: '', stdout });
  const listed = await commandAt(api.url, ['list', '-o', 'name']);
  expect(listed.stdout).toBe(left.map((id) => `tap/${id}\n`).join(''));
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
