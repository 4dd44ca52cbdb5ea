import { expect, test } from 'vitest';
import { refuse, startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod, tapPod } from './support/objects.ts';

const base = [pod('web'), node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const LINE = ['--pod=web', '--dest-node=node-b'];

async function run(taps: readonly ReturnType<typeof pod>[], ...flags: readonly string[]) {
  await using api = await startFakeApi({ objects: [...base, ...taps] });
  const { stdout } = await commandAt(api.url, [...LINE, ...flags]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const [sender] = documents(stdout) as { metadata: { labels: Record<string, string> } }[];
  return {
    vni: Number(sender?.metadata.labels['kokotap.dev/vni']),
    tapId: sender?.metadata.labels['kokotap.dev/tap'] ?? '',
    requests: api.requests,
    accepts: api.accepts,
  };
}

test('a VNI is derived from the tap, and taps of all namespaces are looked at', async () => {
  const { vni, requests } = await run([]);
  expect(vni).toBeGreaterThan(0);
  expect(requests).toContain('/api/v1/pods?labelSelector=app.kubernetes.io%2Fname%3Dkokotap&limit=500');
});

test('taps are listed without what they are made of', async () => {
  expect((await run([])).accepts).toContain(
    'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
  );
});

test('a list of metadata that is empty has no items at all', async () => {
  const empty = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', items: null };
  await using api = await startFakeApi({
    objects: base,
    override: ({ path }) =>
      path === '/api/v1/pods' ? { code: 200, body: JSON.stringify(empty) } : undefined,
  });
  expect(await commandAt(api.url, LINE)).toMatchObject({ exitCode: 0, stderr: '' });
});

test('VNIs of other taps are avoided, that of the same tap is kept', async () => {
  const { vni, tapId } = await run([]);
  expect((await run([tapPod('other', 'ffffffffffff', vni)])).vni).toBe(vni + 1);
  expect((await run([tapPod('own', tapId, 42), tapPod('other', 'ffffffffffff', 42)])).vni).toBe(42);
});

test('of what is no number none is avoided, and of what is no tap its VNI is', async () => {
  const { vni } = await run([]);
  const labels = { 'app.kubernetes.io/name': 'kokotap' };
  const odd = pod('odd', { metadata: { labels: { ...labels, 'kokotap.dev/vni': 'x' } } });
  const plain = pod('plain', { metadata: { labels } });
  const nameless = pod('nameless', { metadata: { labels: { ...labels, 'kokotap.dev/vni': String(vni) } } });
  expect((await run([odd, plain])).vni).toBe(vni);
  expect((await run([nameless])).vni).toBe(vni + 1);
});

test('without an answer --vxlan-id would not help', async () => {
  await using api = await startFakeApi({
    objects: base,
    override: ({ path }) => (path === '/api/v1/pods' ? refuse(500, 'InternalError', 'no') : undefined),
  });
  expect((await commandAt(api.url, LINE)).stderr).toBe(
    `kokotap: API server ${api.url} is in trouble (status 500): no; try again later\n`,
  );
});

test('without the right to list pods, --vxlan-id helps', async () => {
  await using api = await startFakeApi({
    objects: base,
    override: ({ path }) =>
      path === '/api/v1/pods' ? refuse(403, 'Forbidden', 'User "u" cannot list pods') : undefined,
  });
  expect(await commandAt(api.url, LINE)).toEqual({
    exitCode: 1,
    stdout: '',
    stderr:
      'kokotap: You may not list pods in all namespaces: ask for that right; the API server says: User "u" cannot list pods; or give --vxlan-id, then taps need not be listed\n',
  });
  expect(await commandAt(api.url, [...LINE, '--vxlan-id=3'])).toMatchObject({ exitCode: 0, stderr: '' });
});

test('of a range the first VNI that no other tap has, and the one that this tap has', async () => {
  const range = '--vxlan-id=100-103';
  const { vni, tapId } = await run(
    [tapPod('one', 'ffffffffffff', 100), tapPod('far', 'eeeeeeeeeeee', 7)],
    range,
  );
  expect(vni).toBe(101);
  expect((await run([tapPod('own', tapId, 103)], range)).vni).toBe(103);
});

test('a range without a free VNI is refused with who has them', async () => {
  const taps = [100, 101, 102, 103, 104, 105, 106].map((vni) =>
    tapPod(`tap-${vni}`, `${vni}`.repeat(4), vni),
  );
  await using api = await startFakeApi({ objects: [...base, ...taps] });
  expect(await commandAt(api.url, [...LINE, '--vxlan-id=100-106'])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr:
      'kokotap: --vxlan-id 100-106 has no VNI that is free: 100 by pod default/tap-100, 101 by pod default/tap-101, 102 by pod default/tap-102, 103 by pod default/tap-103, 104 by pod default/tap-104 and 2 more; give a wider range, or remove taps\n',
  });
});

test('without the right to list pods one VNI helps, and a range does not', async () => {
  await using api = await startFakeApi({
    objects: base,
    override: ({ path }) => (path === '/api/v1/pods' ? refuse(403, 'Forbidden', 'no') : undefined),
  });
  const { exitCode, stderr } = await commandAt(api.url, [...LINE, '--vxlan-id=3-9']);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('or give one VNI with --vxlan-id, then taps need not be listed');
});
