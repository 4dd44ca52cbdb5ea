import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { CODES } from '#src/cli/doctor/finding.ts';
import { VERSION } from '#src/version.ts';
import { type FakeApiSettings, refuse, startFakeApi } from '../support/fakeApi.ts';
import { commandAt } from '../support/kokotap.ts';
import { node, pod } from '../support/objects.ts';

const image = `localhost/kokotap:${VERSION}`;

function nodeWith(name: string, images: readonly string[]) {
  const made = node(name, ['10.0.0.1']);
  return {
    ...made,
    status: {
      ...made.status,
      conditions: [{ type: 'Ready', status: 'True' }],
      images: images.map((each) => ({ names: [each] })),
    },
  };
}

const namespace = (level?: string): object => ({
  kind: 'Namespace',
  metadata: {
    name: 'default',
    labels: level === undefined ? {} : { 'pod-security.kubernetes.io/enforce': level },
  },
});

/** An API whose user has all rights but some, as `verb resource`. */
function settings(
  objects: NonNullable<FakeApiSettings['objects']>,
  missing: readonly string[] = [],
  level = 'privileged',
): FakeApiSettings {
  return {
    objects,
    namespaces: [],
    override: ({ path, body }) => {
      if (path === '/api/v1/namespaces/default') return { code: 200, body: JSON.stringify(namespace(level)) };
      if (!path.endsWith('/selfsubjectaccessreviews')) return undefined;
      const { verb, resource, subresource } = z.parse(reviewSchema, JSON.parse(body)).spec.resourceAttributes;
      const asked = `${verb} ${[resource, subresource].filter(Boolean).join('/')}`;
      return { code: 201, body: JSON.stringify({ status: { allowed: !missing.includes(asked) } }) };
    },
  };
}

const reviewSchema = z.object({
  spec: z.object({
    resourceAttributes: z.object({
      verb: z.string(),
      resource: z.string(),
      subresource: z.optional(z.string()),
    }),
  }),
});

const diagnosisSchema = z.object({
  apiVersion: z.literal('kokotap.dev/v1alpha1'),
  kind: z.literal('Diagnosis'),
  items: z.array(
    z.object({
      group: z.string(),
      code: z.string(),
      level: z.string(),
      reason: z.string(),
      command: z.optional(z.string()),
    }),
  ),
});

async function diagnosed(url: string, args: readonly string[]) {
  const { exitCode, stdout, stderr } = await commandAt(url, ['doctor', ...args, '-o', 'json']);
  expect(stderr).toBe('');
  return { exitCode, items: z.parse(diagnosisSchema, JSON.parse(stdout)).items };
}

/** A cluster with the resource Tap, and with so many controllers that are Ready. */
function withTaps({ override, ...others }: FakeApiSettings, readyReplicas: number): FakeApiSettings {
  const metadata = { name: 'kokotap-controller', namespace: 'taps' };
  const items = [{ metadata, status: { readyReplicas } }];
  const answers = new Map([
    ['/apis/kokotap.dev', '{"kind":"APIGroup"}'],
    ['/apis/apps/v1/deployments', JSON.stringify({ items })],
  ]);
  return {
    ...others,
    override: (request) => {
      const body = answers.get(request.path);
      return body === undefined ? override?.(request) : { code: 200, body };
    },
  };
}

test('where all is well each finding is ok', async () => {
  const objects = [pod('web', { node: 'node-a' }), nodeWith('node-a', [image]), nodeWith('node-b', [image])];
  await using api = await startFakeApi(withTaps(settings(objects), 1));
  const { exitCode, items } = await diagnosed(api.url, ['web', '--to=node/node-b']);
  expect(exitCode).toBe(0);
  expect(items.filter(({ level }) => level !== 'ok')).toEqual([]);
  // What needs nodes is in probeFindings.test.ts.
  const ofApi = Object.entries(CODES).flatMap(([code, { group }]) => (group === 'Probe' ? [] : [code]));
  expect(new Set(items.map(({ code }) => code))).toEqual(new Set(ofApi));
  const { stdout } = await commandAt(api.url, ['doctor', 'web']);
  expect(stdout).toMatch(/^Rights\n {2}ok {3}KT0101 You may get, list pods in namespace "default"\n/u);
  expect(stdout).toMatch(/\n\d+ ok, 0 warn, 0 fail\n$/u);
});

test.each<[string, FakeApiSettings, string[], string, string, RegExp]>([
  [
    'right to make pods',
    settings([], ['create pods']),
    [],
    'KT0103',
    'fail',
    /^kubectl create role taps -n default --verb=create --resource=pods && /u,
  ],
  ['right to exec', settings([], ['create pods/exec']), [], 'KT0104', 'fail', /--resource=pods\/exec/u],
  ['right to read logs', settings([], ['get pods/log']), [], 'KT0105', 'warn', /--resource=pods\/log/u],
  [
    'right to read nodes',
    settings([], ['get nodes']),
    [],
    'KT0102',
    'fail',
    /^kubectl create clusterrole tap-nodes /u,
  ],
  [
    'Pod Security',
    settings([], [], 'baseline'),
    [],
    'KT0202',
    'fail',
    /^kubectl create namespace kokotap && /u,
  ],
  [
    'namespace',
    settings([]),
    ['--tap-namespace=taps'],
    'KT0201',
    'fail',
    /^kubectl create namespace taps && kubectl label /u,
  ],
  ['target', settings([]), ['web'], 'KT0501', 'fail', /^kubectl get pods -n default/u],
  ['node', settings([]), ['--to=node/node-x'], 'KT0301', 'fail', /^kubectl get nodes$/u],
  ['image', settings([nodeWith('node-a', ['busybox'])]), ['--to=node/node-a'], 'KT0401', 'fail', /^ctr /u],
  [
    'controller of Taps',
    withTaps(settings([]), 0),
    [],
    'KT0702',
    'warn',
    /^kubectl describe deployment -n taps /u,
  ],
  ['destination', settings([]), ['--to=pod/suricata'], 'KT0601', 'fail', /^kubectl get pods -n default$/u],
])('a %s that is missing is told with what mends it', async (_, api, args, code, level, command) => {
  await using server = await startFakeApi(api);
  const { exitCode, items } = await diagnosed(server.url, args);
  expect(exitCode).toBe(level === 'fail' ? 1 : 0);
  const found = items.filter((item) => item.level !== 'ok');
  expect(found).toMatchObject([{ code, level }]);
  expect(found[0]?.command).toMatch(command);
});

test('where namespaces may not be read, nothing is said of their level but that', async () => {
  const { override, ...others } = settings([]);
  await using api = await startFakeApi({
    ...others,
    override: (request) =>
      request.path.startsWith('/api/v1/namespaces/default') && request.path.split('/').length === 5
        ? refuse(403, 'Forbidden', 'no')
        : override?.(request),
  });
  const { exitCode, items } = await diagnosed(api.url, []);
  expect(exitCode).toBe(0);
  expect(items.filter(({ level }) => level !== 'ok')).toMatchObject([{ code: 'KT0202', level: 'warn' }]);
});

test('every code is in the documents', () => {
  const documented = readFileSync('docs/doctor.md', 'utf8').matchAll(/^\| `(KT\d{4})` /gmu);
  expect([...documented].map(([, code]) => code)).toEqual(Object.keys(CODES));
});

test.each([
  ['web', '--probe'],
  ['--to=node/node-b', '--probe'],
])('doctor %s %s is refused', async (...args) => {
  await using api = await startFakeApi();
  expect(await commandAt(api.url, ['doctor', ...args])).toMatchObject({
    exitCode: 2,
    stderr: 'kokotap: --probe makes a tap: name a target and its destination, such as web --to=node/NAME\n',
  });
});

test('nothing is probed where something else fails', async () => {
  await using api = await startFakeApi(settings([nodeWith('node-b', [image])]));
  const { exitCode, stdout } = await commandAt(api.url, ['doctor', 'web', '--to=node/node-b', '--probe']);
  expect(exitCode).toBe(1);
  expect(stdout).toContain('fail KT0501');
  expect(stdout).not.toContain('KT08');
});
