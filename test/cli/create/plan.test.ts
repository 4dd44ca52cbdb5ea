import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { freeName } from '#src/cli/create/tapsThere.ts';
import { type EndpointDocument, parseReceiver, parseSender } from '#src/spec/endpoint.ts';
import { parseEndpointList } from '#src/spec/endpointList.ts';
import { startFakeApi } from '../support/fakeApi.ts';
import { commandAt, documents } from '../support/kokotap.ts';
import { node, pod } from '../support/objects.ts';

const nodes = [node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const webs = ['web-1', 'web-2'].map((name) => pod(name, { metadata: { labels: { app: 'web' } } }));

/** The sender of a tap to node-b. */
function there(target: string, mirror: string, annotations: Record<string, string> = {}) {
  const id = '0123456789ab';
  return pod(`kokotap-${id}`, {
    namespace: 'taps',
    metadata: {
      labels: { 'app.kubernetes.io/name': 'kokotap', 'kokotap.dev/tap': id, 'kokotap.dev/vni': '100' },
      annotations: {
        'kokotap.dev/target': target,
        'kokotap.dev/destination': 'node/node-b',
        ...annotations,
      },
    },
    spec: { containers: [{ name: 'agent', args: ['sender', `{"mirrorInterface":"${mirror}"}`] }] },
  });
}

const manifestsSchema = z.array(
  z.object({
    metadata: z.object({
      name: z.string(),
      labels: z.record(z.string(), z.string()),
      annotations: z.record(z.string(), z.string()),
    }),
    spec: z.object({
      nodeName: z.string(),
      containers: z.tuple([z.object({ args: z.tuple([z.enum(['sender', 'receiver']), z.string()]) })]),
    }),
  }),
);

/** The pods of a tap to node-b, and what their agents are given. */
async function planned(objects: readonly ReturnType<typeof pod>[], ...argv: string[]) {
  await using api = await startFakeApi({ objects: [...nodes, ...objects] });
  const args = ['create', '--to=node/node-b', '--dry-run', '-o', 'yaml', ...argv];
  const { exitCode, stdout, stderr } = await commandAt(api.url, args);
  const manifests = z.parse(manifestsSchema, exitCode === 0 ? documents(stdout) : []);
  const pods = manifests.map(({ metadata, spec }) => {
    const [role, argument] = spec.containers[0].args;
    const list = metadata.annotations['kokotap.dev/endpoints'];
    return { role, on: spec.nodeName, metadata, endpoints: endpointsOf(role, list, argument) };
  });
  const mirrors = pods.map(({ endpoints }) => endpoints.map(({ mirrorInterface }) => mirrorInterface));
  return { pods, mirrors: mirrors.flat(), stderr };
}

/** As the agents read them. */
function endpointsOf(role: 'sender' | 'receiver', list: string | undefined, argument: string) {
  if (list === undefined) return [role === 'sender' ? parseSender(argument) : parseReceiver(argument)];
  const { endpoints, problems } = parseEndpointList(role === 'sender' ? 'Sender' : 'Receiver', list);
  expect(problems).toEqual([]);
  return [...endpoints.values()];
}

function vniOf({ path }: EndpointDocument) {
  return path.kind === 'vxlan' ? path.vni : undefined;
}

/** Those without one last. */
function byNumber(one: number | undefined, other: number | undefined): number {
  return (one ?? Infinity) - (other ?? Infinity);
}

const elsewhere = pod('web-3', { node: 'node-b', metadata: { labels: { app: 'web' } } });

test('several targets have one sender on each of their nodes and one receiver', async () => {
  const { pods, stderr } = await planned([...webs, elsewhere], '-l', 'app=web', '--vxlan-id=100-131');
  expect(stderr).toBe('');
  const targets = pods.map(({ role, on, endpoints }) => ({
    role,
    on,
    vnis: endpoints.map(vniOf).toSorted(byNumber),
  }));
  expect(targets).toEqual([
    { role: 'sender', on: 'node-a', vnis: [100, 101] },
    { role: 'sender', on: 'node-b', vnis: [undefined] },
    { role: 'receiver', on: 'node-b', vnis: [100, 101, undefined] },
  ]);
  const [ids, names] = [
    pods.map(({ metadata }) => metadata.labels['kokotap.dev/tap']),
    pods.map(({ metadata }) => metadata.name),
  ];
  expect([new Set(ids).size, new Set(names).size]).toEqual([1, 3]);
  expect(pods[0]?.metadata.annotations['kokotap.dev/target']).toBe(
    'pod/default/web-1,pod/default/web-2,pod/default/web-3',
  );
});

test('all are joined into one interface, also by the sender that makes both ends', async () => {
  const { pods } = await planned([...webs, elsewhere], '-l', 'app=web');
  expect(pods.map(({ endpoints }) => endpoints.map(({ joined }) => joined))).toEqual([
    [undefined, undefined],
    [true],
    [true, true, true],
  ]);
});

test('each target has the VNI that it has in the list of no other tap', async () => {
  const list = JSON.stringify({
    items: [100, 102].map((vni) => ({ tapId: `id-${vni}`, path: { kind: 'vxlan', vni } })),
  });
  const joined = there('pod/shop/api', 'mirror', { 'kokotap.dev/endpoints': list });
  const { pods } = await planned([...webs, joined], 'web-1', 'web-2', '--vxlan-id=100-131');
  expect(pods[0]?.endpoints.map(vniOf).toSorted(byNumber)).toEqual([101, 103]);
});

async function metricsOf(...argv: string[]) {
  const { pods } = await planned([...webs, elsewhere], ...argv, '--metrics-port=9400');
  return pods.map(({ endpoints }) => endpoints.map(({ metricsPort }) => metricsPort));
}

test('a node has one metrics port: its sender has it', async () => {
  expect(await metricsOf('web-1', 'web-2')).toEqual([
    [9400, 9400],
    [9400, 9400],
  ]);
  expect(await metricsOf('web-1', 'web-3')).toEqual([[9400], [9400], [undefined, undefined]]);
});

test('copies to an address outside have senders only', async () => {
  const { pods } = await planned([...webs, elsewhere], '-l', 'app=web', '--to=ip/192.0.2.9');
  expect(pods.map(({ role, on }) => `${role} ${on}`)).toEqual(['sender node-a', 'sender node-b']);
  expect(pods.flatMap(({ endpoints }) => endpoints.map(({ joined }) => joined))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('one target has an interface of its own', async () => {
  const { pods } = await planned(webs, 'web-1');
  expect(pods.flatMap(({ endpoints }) => endpoints.map(({ joined }) => joined))).toEqual([
    undefined,
    undefined,
  ]);
});

test('a selector means the pods that run', async () => {
  const { pods } = await planned(
    [...webs, pod('old', { phase: 'Failed', metadata: { labels: { app: 'web' } } })],
    '-l',
    'app=web',
  );
  expect(pods[0]?.endpoints).toHaveLength(2);
});

test('names of the mirrors of other taps are left to them', async () => {
  const { mirrors } = await planned([...webs, there('pod/shop/api', 'mirror')], 'web-1');
  expect(mirrors).toEqual(['mirror2', 'mirror2']);
});

test('what is tapped already is not tapped again', async () => {
  const objects = [...webs, there('pod/default/web-1', 'mirror')];
  const said =
    'pod/default/web-1 is tapped to node/node-b already: see kokotap status -n default tap/0123456789ab';
  expect(await planned(objects, 'web-1')).toEqual({ pods: [], mirrors: [], stderr: `kokotap: ${said}\n` });
  const both = await planned(objects, 'web-1', 'web-2');
  expect(both.stderr).toBe(`kokotap: warning: ${said}\n`);
  expect(both.mirrors).toEqual(['mirror2', 'mirror2']);
});

test.each([
  [['x'], 'There is no pod "x" in namespace "default"; see: kubectl get pods -n default'],
  [
    ['web-1', 'web-2', '--vxlan-id=7'],
    '--vxlan-id 7 is one VNI, and the 2 targets need one each: give a range such as 7-8, or leave it out',
  ],
  [
    ['-l', 'app=api'],
    'There is nothing to tap in namespace "default": none of the targets has a pod on a node',
  ],
])('create %j', async (argv, message) => {
  expect((await planned(webs, ...argv)).stderr).toBe(`kokotap: ${message}\n`);
});

test('a node is tapped without a pod', async () => {
  await using api = await startFakeApi({ objects: nodes });
  const args = ['create', 'node/node-a', '--to=node/node-b', '--dry-run'];
  const { stdout } = await commandAt(api.url, [...args, '-o', 'yaml']);
  expect(stdout).toContain('name: kokotap-node-node-a-');
  expect(stdout).toContain('kokotap.dev/target: node/node-a\n');
  expect(stdout).toContain('"hostNetwork":true');
  expect(stdout).not.toMatch(/"podUid"|"pod":/u);
  expect((await commandAt(api.url, args)).stdout).toMatch(
    /^tap\/[0-9a-f]{12} would be created \(dry run\): node\/node-a to node\/node-b\n$/u,
  );
});

test.each([
  [
    ['node/node-a', '--to=node/node-a'],
    'A tap of node "node-a" uses the network of its node "node-a" (hostNetwork), and so would the mirror: name another --to=node/…, or capture on the node itself',
  ],
  [['node/x', '--to=node/node-a'], 'There is no node "x"; see: kubectl get nodes'],
])('create %j is refused', async (argv, message) => {
  await using api = await startFakeApi({ objects: nodes });
  expect((await commandAt(api.url, ['create', ...argv])).stderr).toBe(`kokotap: ${message}\n`);
});

test('a free name is as long as an interface name may be', () => {
  expect(freeName('mirror', new Set())).toBe('mirror');
  expect(freeName('mirror', new Set(['mirror', 'mirror2']))).toBe('mirror3');
  expect(freeName('abcdefghijklmno', new Set(['abcdefghijklmno']))).toBe('abcdefghijklmn2');
});
