import { expect, test } from 'vitest';
import { freeName } from '#src/cli/create/tapsThere.ts';
import { startFakeApi } from '../support/fakeApi.ts';
import { commandAt, documents } from '../support/kokotap.ts';
import { node, pod } from '../support/objects.ts';

const nodes = [node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const webs = ['web-1', 'web-2'].map((name) => pod(name, { metadata: { labels: { app: 'web' } } }));

/** The sender of a tap to node-b. */
function there(target: string, mirror: string, id = '0123456789ab') {
  return pod(`kokotap-${id}`, {
    namespace: 'taps',
    metadata: {
      labels: { 'app.kubernetes.io/name': 'kokotap', 'kokotap.dev/tap': id, 'kokotap.dev/vni': '100' },
      annotations: { 'kokotap.dev/target': target, 'kokotap.dev/destination': 'node/node-b' },
    },
    spec: { containers: [{ name: 'agent', args: ['sender', `{"mirrorInterface":"${mirror}"}`] }] },
  });
}

interface Manifest {
  readonly metadata: { readonly labels: Record<string, string>; readonly namespace: string };
  readonly spec: { readonly containers: readonly { readonly args: readonly [string, string] }[] };
}

async function planned(objects: readonly ReturnType<typeof pod>[], ...argv: string[]) {
  await using api = await startFakeApi({ objects: [...nodes, ...objects] });
  const args = ['create', '--to=node/node-b', '--dry-run', '-o', 'yaml', ...argv];
  const { exitCode, stdout, stderr } = await commandAt(api.url, args);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the test itself asks for
  const pods = exitCode === 0 ? (documents(stdout) as Manifest[]) : [];
  const mirrors = pods.map(({ metadata, spec }) => {
    const [role, document] = spec.containers[0]?.args ?? ['', '{}'];
    const { mirrorInterface: mirror, joined }: { mirrorInterface: string; joined?: boolean } =
      JSON.parse(document);
    return { role, mirror, vni: metadata.labels['kokotap.dev/vni'], joined };
  });
  return { mirrors, stderr };
}

test('each target has a tap with a VNI of its own, and all are joined into one interface', async () => {
  const { mirrors, stderr } = await planned(webs, 'web-1', 'web-2', '--vxlan-id=100-131');
  expect(stderr).toBe('');
  expect(mirrors).toEqual([
    { role: 'sender', mirror: 'mirror', vni: '100', joined: undefined },
    { role: 'receiver', mirror: 'mirror', vni: '100', joined: true },
    { role: 'sender', mirror: 'mirror', vni: '101', joined: undefined },
    { role: 'receiver', mirror: 'mirror', vni: '101', joined: true },
  ]);
});

test("on the targets' own node their senders make what is joined", async () => {
  const { mirrors } = await planned(webs, 'web-1', 'web-2', '--to=node/node-a');
  expect(mirrors.map(({ joined }) => joined)).toEqual([true, true, true, true]);
});

test('one tap has an interface of its own', async () => {
  const { mirrors } = await planned(webs, 'web-1');
  expect(mirrors.map(({ joined }) => joined)).toEqual([undefined, undefined]);
});

test('a selector means the pods that run', async () => {
  const { mirrors } = await planned(webs, '-l', 'app=web');
  expect(mirrors).toHaveLength(4);
});

test('names of the mirrors of other taps are left to them', async () => {
  const { mirrors } = await planned([...webs, there('shop/api', 'mirror')], 'web-1');
  expect(mirrors.map(({ mirror }) => mirror)).toEqual(['mirror2', 'mirror2']);
});

test('what is tapped already is not tapped again', async () => {
  const objects = [...webs, there('default/web-1', 'mirror')];
  const said =
    'default/web-1 is tapped to node/node-b already: see kokotap status -n default tap/0123456789ab';
  expect(await planned(objects, 'web-1')).toEqual({ mirrors: [], stderr: `kokotap: ${said}\n` });
  const both = await planned(objects, 'web-1', 'web-2');
  expect(both.stderr).toBe(`kokotap: warning: ${said}\n`);
  expect(both.mirrors.map(({ mirror }) => mirror)).toEqual(['mirror2', 'mirror2']);
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
