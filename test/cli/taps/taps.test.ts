import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { tapListSchema } from '#src/cli/taps/tapList.ts';
import { refuse, startFakeApi } from '../support/fakeApi.ts';
import { commandAt } from '../support/kokotap.ts';
import { pod } from '../support/objects.ts';

function tapPod(
  role: string,
  id: string,
  settings: {
    namespace?: string;
    ready?: boolean;
    waiting?: string;
    target?: string;
    unconfirmed?: string;
  } = {},
) {
  const {
    unconfirmed,
    namespace = 'default',
    ready = true,
    waiting,
    target = `pod/${namespace}/web-${id}`,
  } = settings;
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
        ...(unconfirmed === undefined ? {} : { 'kokotap.dev/unconfirmed': unconfirmed }),
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
    stdout: `NAMESPACE   TAP   TARGET              DESTINATION   STATE               RATE   LOST   AGE
default     a     pod/default/web-a   node/node-b   Ready               ?      ?      3m
default     b     pod/default/web-b   node/node-b   ErrImageNeverPull   ?      ?      3m
default     c     pod/default/web-c   node/node-b   NotReady            ?      ?      3m
default     d     pod/default/web-d   node/node-b   Incomplete          ?      ?      3m
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
    items: [{ namespace: 'default', id: 'a', destination: 'node/node-b', state: 'Ready', vnis: [7] }],
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

test('of a Tap the object is deleted, and not its pods, which its controller would make again', async () => {
  const ofTap = both('b', { namespace: 'kokotap', target: 'tap/shop/payments' });
  await using api = await startFakeApi({ objects: [...both('a', { namespace: 'kokotap' }), ...ofTap] });
  expect(await commandAt(api.url, ['delete', 'b', '-n=shop'])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'kokotap: There is no Tap "payments" in namespace "shop" any more\n',
  });
  expect(api.requests).toContain('/apis/kokotap.dev/v1alpha1/namespaces/shop/taps/payments');
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
    ...both('a', { namespace: 'taps', target: 'pod/default/web' }),
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
      ...both('b', { namespace: 'kokotap', target: 'pod/default/web' }),
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
  expect(stdout).toContain('tap/a: pod/default/web-a to node/node-b, NotReady, VNI 7, 3m\n');
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
    objects: [
      ...inKokotap('a', 'pod/shop/web'),
      ...inKokotap('b', 'pod/prod/web'),
      ...inKokotap('c', 'pod/prod/db'),
    ],
  });
  expect(await commandAt(api.url, ['delete', 'web', '-n', 'kokotap'])).toMatchObject({
    exitCode: 1,
    stderr:
      'kokotap: "web" may be "pod/shop/web" or "pod/prod/web": give the namespace of the target with -n, or the taps\' ids (see kokotap list)\n',
  });
  expect((await commandAt(api.url, ['delete', 'db', '-n', 'kokotap'])).stdout).toBe('tap/c deleted\n');
  expect((await commandAt(api.url, ['delete', 'web', '-n', 'shop'])).stdout).toBe('tap/a deleted\n');
  expect((await commandAt(api.url, ['list', '-A', '-o', 'name'])).stdout).toBe('tap/b\n');
});

/** A sender on each node and one receiver, of targets by their nodes. */
function joined(targets: Readonly<Record<string, string>>) {
  const targeted = Object.keys(targets)
    .map((name) => `pod/default/${name}`)
    .join(',');
  const list = (names: readonly string[], kind: string) =>
    JSON.stringify({
      items: names.map((name) => ({
        kind,
        tapId: `id-${name}`,
        path: { kind: 'vxlan', vni: 100 + Object.keys(targets).indexOf(name) },
        ...(kind === 'Sender' ? { pod: name, namespace: 'default' } : {}),
      })),
    });
  const made = (role: string, node: string, names: readonly string[]) =>
    pod(`kokotap-${node}-${role}`, {
      node,
      metadata: {
        labels: {
          'app.kubernetes.io/name': 'kokotap',
          'kokotap.dev/tap': 'g',
          'kokotap.dev/role': role,
        },
        annotations: {
          'kokotap.dev/target': targeted,
          'kokotap.dev/destination': 'node/node-b',
          'kokotap.dev/endpoints': list(names, role === 'sender' ? 'Sender' : 'Receiver'),
        },
      },
      status: { containerStatuses: [{ ready: true, state: {} }] },
    });
  const byNode = Map.groupBy(Object.keys(targets), (name) => targets[name] ?? '');
  const senders = [...byNode].map(([node, names]) => made('sender', node, names));
  return { senders, receiver: made('receiver', 'node-b', Object.keys(targets)) };
}

test('a tap of several targets is one line', async () => {
  const { senders, receiver } = joined({ web: 'node-a', api: 'node-a', db: 'node-c' });
  await using api = await startFakeApi({ objects: [...senders, receiver] });
  expect((await commandAt(api.url, ['list', '-o', 'wide'])).stdout).toMatch(
    /^default     g     pod\/default\/web \+2   node\/node-b   Ready .* 100,101,102$/mu,
  );
  const { stdout } = await commandAt(api.url, ['list', '-o', 'json']);
  expect(z.parse(tapListSchema, JSON.parse(stdout)).items).toMatchObject([
    {
      targets: ['pod/default/web', 'pod/default/api', 'pod/default/db'],
      vnis: [100, 101, 102],
      targetVnis: [
        { target: 'pod/default/web', vni: 100 },
        { target: 'pod/default/api', vni: 101 },
        { target: 'pod/default/db', vni: 102 },
      ],
    },
  ]);
});

test('a tap that lacks a sender or its receiver is incomplete', async () => {
  const { senders, receiver } = joined({ web: 'node-a', db: 'node-c' });
  for (const objects of [senders, [...senders.slice(1), receiver]]) {
    await using api = await startFakeApi({ objects });
    expect((await commandAt(api.url, ['list'])).stdout).toContain('Incomplete');
  }
});

test('a tap is deleted by its targets only where all of them are named, but those that are gone', async () => {
  const { senders, receiver } = joined({ web: 'node-a', api: 'node-a', gone: 'node-c' });
  await using api = await startFakeApi({ objects: [...senders, receiver, pod('web'), pod('api')] });
  expect(await commandAt(api.url, ['delete', 'web'])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr:
      'kokotap: pod/default/web is tapped together with pod/default/api: name all of them, or the tap: kokotap delete -n default tap/g\n',
  });
  expect((await commandAt(api.url, ['delete', 'web', 'api'])).stdout).toBe('tap/g deleted\n');
});

test('a pod of a namespace called node is no node', async () => {
  const objects = [...both('a', { target: 'pod/node/web' }), ...both('b', { target: 'node/web' })];
  await using api = await startFakeApi({ objects });
  expect((await commandAt(api.url, ['list', '-n', 'node', '-o', 'name'])).stdout).toBe('tap/a\n');
  expect((await commandAt(api.url, ['delete', 'node/web'])).stdout).toBe('tap/b deleted\n');
});

test('a tap that nobody has confirmed in time is abandoned', async () => {
  const states = ['100', '1000'].map(async (unconfirmed) => {
    await using api = await startFakeApi({ objects: both('a', { unconfirmed }) });
    return (await commandAt(api.url, ['list'])).stdout;
  });
  const [over, inTime] = await Promise.all(states);
  expect(over).toContain('   Abandoned   ');
  expect(inTime).toContain('   Ready   ');
});

test('the status of taps of all namespaces, of some labels, or of an id', async () => {
  const [one, other] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'];
  await using api = await startFakeApi({ objects: [...both(one), ...both(other, { namespace: 'team' })] });
  const shown = async (...args: string[]) => {
    const { stdout, stderr } = await commandAt(api.url, ['status', ...args]);
    return [...stdout.matchAll(/^tap\/(\w+): /gmu)].map(([, id]) => id).concat(stderr);
  };
  expect(await shown('-A')).toEqual([one, other, '']);
  expect(await shown('-A', '-l', `kokotap.dev/tap=${other}`)).toEqual([other, '']);
  expect(await shown('-l', `kokotap.dev/tap=${one}`)).toEqual([one, '']);
  expect(await shown('-A', `tap/${other}`)).toEqual([other, '']);
  expect(await shown('-A', 'cccccccccccc')).toEqual([
    'kokotap: There is no tap "cccccccccccc" in any namespace; see: kokotap list -A\n',
  ]);
  expect(await shown('-l', 'app=x')).toEqual([
    'kokotap: There is no tap in namespace "default" whose pods have the labels "app=x"; see: kokotap list -A\n',
  ]);
  expect(await shown('-A', 'web')).toEqual([
    'kokotap: Target "web" is of one namespace: give -n in place of -A, or a tap\'s id\n',
  ]);
});
