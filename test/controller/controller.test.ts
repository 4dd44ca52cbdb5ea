import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { measureScale, usageOf } from '../../bench/scale/scale.ts';
import { parseEndpointList } from '#src/spec/endpointList.ts';
import { tapDefinition } from '#src/spec/tapDefinition.ts';
import { ApiServer, freePort } from './support/apiServer.ts';

const waiting = { timeout: 60_000, interval: 50 };
/** An election takes a tenth of the usual time. */
const electionMs = 100;
const taps = '/apis/kokotap.dev/v1alpha1/namespaces/default/taps';

let server: ApiServer;
const controllers: ChildProcess[] = [];

beforeAll(async () => {
  server = await ApiServer.start();
  const { objects } = server;
  await objects.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', tapDefinition());
  await objects.create('/api/v1/namespaces', { metadata: { name: 'kokotap' } });
  for (const index of [1, 2, 3]) await makeNode(`node-${index}`, `192.0.2.${index}`);
  await vi.waitFor(() => objects.get(taps).then((found) => expect(found).toBeDefined()), waiting);
}, 300_000);

afterAll(async () => {
  isOver = true;
  for (const child of controllers) child.kill('SIGKILL');
  await server.stop();
});

async function makeNode(name: string, address: string): Promise<void> {
  await server.objects.create('/api/v1/nodes', { metadata: { name, labels: { daemons: 'yes' } } });
  await server.objects.merge(`/api/v1/nodes/${name}/status`, {
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'ByHand', message: '' }],
    },
  });
}

async function makePod(name: string, node: string): Promise<string> {
  const made = await server.objects.create('/api/v1/namespaces/default/pods', {
    metadata: { name, labels: { app: 'web' } },
    spec: { nodeName: node, containers: [{ name: 'main', image: 'web' }] },
  });
  return z.parse(uidSchema, made).metadata.uid;
}

const uidSchema = z.object({ metadata: z.object({ uid: z.string() }) });

async function startController(identity: string): Promise<ChildProcess> {
  const args = [`--identity=${identity}`, `--election-ms=${electionMs}`, `--port=${await freePort()}`];
  const child = spawn(process.execPath, [path.resolve('dist/kokotap-controller.js'), ...args], {
    env: server.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout?.setEncoding('utf8').on('data', (text: string) => said.set(child, text));
  controllers.push(child);
  return child;
}

let isOver = false;
/** What each controller logged last. */
const said = new Map<ChildProcess, string>();
/** How controllers ended that had not lost their lease. */
const crashes: string[] = [];

/** A controller that is started again, as a kubelet does: who could not renew its lease on a busy machine ends. */
async function keepController(identity: string): Promise<void> {
  const child = await startController(identity);
  child.once('close', (code, signal) => {
    if (isOver) return;
    const last = said.get(child) ?? '';
    if (!last.includes('the lease is lost')) crashes.push(`${code ?? signal}: ${last}`);
    void keepController(identity);
  });
}

const leaseSchema = z.object({ spec: z.object({ holderIdentity: z.string() }) });

async function leads(identity: string): Promise<void> {
  await vi.waitFor(async () => {
    const lease = await server.objects.get(
      '/apis/coordination.k8s.io/v1/namespaces/kokotap/leases/kokotap-controller',
    );
    expect(leaseSchema.safeParse(lease).data?.spec.holderIdentity).toBe(identity);
  }, waiting);
}

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), annotations: z.optional(z.record(z.string(), z.string())) }),
      spec: z.object({ containers: z.array(z.object({ args: z.array(z.string()) })) }),
    }),
  ),
});

/** The UIDs of the pods that all senders together copy, as often as they do. */
async function copied(): Promise<string[]> {
  const found = await server.objects.get('/api/v1/namespaces/kokotap/pods');
  return z.parse(podList, found).items.flatMap(({ metadata, spec }) => {
    if (spec.containers[0]?.args[0] !== 'sender') return [];
    const list = parseEndpointList('Sender', metadata.annotations?.['kokotap.dev/endpoints'] ?? '');
    return [...list.endpoints.values()].map((each) => ('podUid' in each ? (each.podUid ?? '') : ''));
  });
}

const configMaps = z.object({ items: z.array(z.object({ data: z.record(z.string(), z.string()) })) });
const vniList = z.record(z.string(), z.object({ uid: z.string() }));

async function vniLists() {
  const lists = '/api/v1/namespaces/kokotap/configmaps?labelSelector=kokotap.dev/tap-uid';
  const { items } = z.parse(configMaps, await server.objects.get(lists));
  return items.map(({ data }) => z.parse(vniList, JSON.parse(data['vnis.json'] ?? '')));
}

/** The UIDs of the pods that have a VNI in a ConfigMap. */
async function listedUids(): Promise<string[]> {
  return (await vniLists()).flatMap((list) => Object.values(list).map(({ uid }) => uid));
}

async function expectCopied(uids: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect((await copied()).toSorted()).toEqual(uids.toSorted()), waiting);
}

test('a Tap is followed, whatever becomes of the controllers and of the API server', async () => {
  const uids = [await makePod('web-1', 'node-1'), await makePod('web-2', 'node-2')];
  const tap = {
    apiVersion: 'kokotap.dev/v1alpha1',
    kind: 'Tap',
    metadata: { name: 'web' },
    spec: { targets: { selector: { matchLabels: { app: 'web' } } }, destination: { nodeName: 'node-3' } },
  };
  await server.objects.create(taps, tap);
  const first = await startController('first');
  await leads('first');
  await expectCopied(uids);

  // Killed: another one leads as soon as the lease has expired.
  const second = await startController('second');
  first.kill('SIGKILL');
  uids.push(await makePod('web-3', 'node-1'));
  await leads('second');
  await expectCopied(uids);

  // Paused: when it goes on, it finds that it does not lead any more, and ends.
  second.kill('SIGSTOP');
  const third = await startController('third');
  await leads('third');
  uids.push(await makePod('web-4', 'node-2'));
  await expectCopied(uids);
  const ended = once(second, 'exit');
  second.kill('SIGCONT');
  expect(await ended).toEqual([1, null]);
  await expectCopied(uids);

  // Ended in order: the next one leads at once.
  const fourth = await startController('fourth');
  third.kill('SIGTERM');
  await leads('fourth');

  // Without an API server for longer than a lease lasts, it ends; the next one goes on from what is there.
  const gone = once(fourth, 'exit');
  server.signal('SIGSTOP');
  await gone;
  server.signal('SIGCONT');
  uids.push(await makePod('web-5', 'node-1'));
  await keepController('fifth');
  await leads('fifth');
  await expectCopied(uids);

  // Which VNI is whose stands in a ConfigMap, which goes with the Tap.
  await vi.waitFor(async () => expect((await listedUids()).toSorted()).toEqual(uids.toSorted()), waiting);
  const { uid } = z.parse(uidSchema, await server.objects.get(`${taps}/web`)).metadata;
  await server.objects.delete(`${taps}/web`, uid);
  await vi.waitFor(async () => expect(await vniLists()).toEqual([]), waiting);
}, 300_000);

test('a hundred Taps of a thousand pods on a hundred nodes are followed with little memory and CPU time', async () => {
  const before = (await copied()).length;
  const scale = { nodes: 100, pods: 1000, taps: 100, changes: 50 };
  // Each change comes to the list of a sender.
  expect((await measureScale(server.objects, scale)).changesMs).toHaveLength(scale.changes);
  const pods = before + scale.pods + scale.changes;
  expect((await copied()).length).toBe(pods);
  const vnis = z
    .parse(podList, await server.objects.get('/api/v1/namespaces/kokotap/pods'))
    .items.flatMap(({ metadata, spec }) =>
      spec.containers[0]?.args[0] === 'sender'
        ? [...(metadata.annotations?.['kokotap.dev/endpoints'] ?? '').matchAll(/"vni":(\d+)/g)].map(
            ([, vni]) => vni,
          )
        : [],
    );
  expect(new Set(vnis).size).toBe(pods);
  const usage = usageOf(controllers.at(-1)?.pid);
  expect(usage.mostMiB).toBeLessThan(300);
  expect(usage.cpuSeconds).toBeLessThan(30);
  expect(crashes).toEqual([]);
}, 300_000);

test('a Tap of a workload is about the pods that Kubernetes makes for it', async () => {
  const { objects } = server;
  await server.startWorkloads();
  await keepController('of-workloads');
  const template = {
    metadata: { labels: { of: 'workload' } },
    spec: { containers: [{ name: 'main', image: 'web' }] },
  };
  const selector = { matchLabels: { of: 'workload' } };
  const apps = '/apis/apps/v1/namespaces/default';
  await objects.create(`${apps}/deployments`, {
    metadata: { name: 'shop' },
    spec: { replicas: 2, selector, template },
  });
  await objects.create(`${apps}/statefulsets`, {
    metadata: { name: 'shop' },
    spec: {
      replicas: 4,
      podManagementPolicy: 'Parallel',
      serviceName: 'shop',
      selector: { matchLabels: { of: 'set' } },
      template: { ...template, metadata: { labels: { of: 'set' } } },
    },
  });
  await objects.create(`${apps}/daemonsets`, {
    metadata: { name: 'shop' },
    spec: {
      selector: { matchLabels: { of: 'daemon' } },
      template: {
        metadata: { labels: { of: 'daemon' } },
        spec: {
          ...template.spec,
          nodeSelector: { daemons: 'yes' },
          // No kubelet has taken the taint of a new node away.
          tolerations: [{ operator: 'Exists' }],
        },
      },
    },
  });
  await objects.create('/apis/batch/v1/namespaces/default/jobs', {
    metadata: { name: 'shop' },
    spec: {
      parallelism: 5,
      template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } },
    },
  });
  const counts = { Deployment: 2, StatefulSet: 4, DaemonSet: 3, Job: 5 };
  for (const kind of Object.keys(counts))
    await objects.create(taps, {
      apiVersion: 'kokotap.dev/v1alpha1',
      kind: 'Tap',
      metadata: { name: `of-${kind.toLowerCase()}` },
      spec: { targets: { ref: { kind, name: 'shop' } }, destination: { nodeName: 'node-3' } },
    });
  for (const [kind, count] of Object.entries(counts))
    await vi.waitFor(
      async () =>
        expect(await objects.get(`${taps}/of-${kind.toLowerCase()}`)).toMatchObject({
          status: { targets: { selected: count } },
        }),
      waiting,
    );
}, 300_000);
