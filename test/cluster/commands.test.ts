import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import { tapListSchema } from '#src/cli/taps/tapList.ts';
import { tshark } from '../pcapng/support/tshark.ts';
import { CapturingCommand } from './support/capturing.ts';
import {
  adminKubeconfig,
  kokotap,
  kokotapProgram,
  kubectlProgram,
  kubectlWith,
  scriptOnNode,
} from './support/lab.ts';
import { type Pod, podObject } from './support/pod.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

test('a tap is listed while it is there, and deleted by its name', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  await sandbox.tap('--pod=web', '--dest-node=node-b');
  const list = ['list', '-n', sandbox.namespace];
  const { stdout } = await kokotap(list);
  expect(stdout).toMatch(
    new RegExp(
      `^${sandbox.namespace} +[0-9a-f]{12} +pod/${sandbox.namespace}/web +node/node-b +Ready +\\S+ [kMG]?bit/s +\\d+ +\\d+s$`,
      'mu',
    ),
  );
  const { stdout: name } = await kokotap([...list, '-o', 'name']);
  const deleted = await kokotap(['delete', '-n', sandbox.namespace, name.trim()]);
  expect(deleted).toEqual({ exitCode: 0, stderr: '', stdout: `${name.trim()} deleted` });
  expect((await kokotap([...list, '-o', 'name'])).stdout).toBe('');
  expect(await sandbox.traces()).toEqual([]);
});

const diagnosisSchema = z.object({
  items: z.array(z.object({ group: z.string(), code: z.string(), level: z.string(), reason: z.string() })),
});

/** Types of ICMP. */
const [ECHO, ECHO_REPLY] = ['8', '0'];

/** A Deployment with a pod on each of two nodes. */
async function deployOnTwoNodes(sandbox: Sandbox, name: string): Promise<Pod[]> {
  const { spec } = podObject({ name, node: 'node-a' });
  const labels = { app: name };
  const template = {
    metadata: { labels },
    spec: {
      ...spec,
      nodeName: undefined,
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } },
          ],
        },
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: 'kubernetes.io/hostname', operator: 'In', values: ['node-a', 'node-b'] },
                ],
              },
            ],
          },
        },
      },
    },
  };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  };
  await kubectlWith(deployment, 'create', '-n', sandbox.namespace);
  await sandbox.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=150s');
  const names = await sandbox.kubectl(
    'get',
    'pods',
    `--selector=app=${name}`,
    '-o',
    'jsonpath={.items[*].metadata.name}',
  );
  return names.split(' ').map((each) => sandbox.pod(each, 'node-a'));
}

test('the pods of a Deployment and another pod are one tap, made, looked at and deleted by its targets', async ({
  sandbox,
}) => {
  const [web, shops] = await Promise.all([
    sandbox.startPod({ name: 'web', node: 'node-a' }),
    deployOnTwoNodes(sandbox, 'shop'),
  ]);
  const { namespace } = sandbox;
  const targets = ['deploy/shop', 'web', '-n', namespace];
  const created = await kokotap([
    'create',
    ...targets,
    '--to=node/node-b',
    `--tap-namespace=${namespace}`,
    `--ifname=${sandbox.ifname}`,
  ]);
  expect(created).toMatchObject({ exitCode: 0 });
  const status = await kokotap(['status', 'web', '-n', namespace, '-o', 'json']);
  expect(status).toMatchObject({ exitCode: 0, stderr: '' });
  const { items } = z.parse(tapListSchema, JSON.parse(status.stdout));
  const [tap] = items;
  if (tap === undefined) throw new Error('there is no tap');
  for (const { id } of tap.endpoints ?? []) if (id !== undefined) sandbox.watchTap(id);
  const names = ['web', ...shops.map(({ name }) => name)];
  const targeted = names.map((name) => `pod/${namespace}/${name}`).toSorted();
  expect({
    taps: items.length,
    targets: tap.targets.toSorted(),
    pods: tap.pods.map(({ role, node }) => `${role} on ${node}`).toSorted(),
    states: tap.endpoints?.map(({ role, target, state }) => `${role} of ${target} ${state}`).toSorted(),
  }).toEqual({
    taps: 1,
    targets: targeted,
    pods: ['receiver on node-b', 'sender on node-a', 'sender on node-b'],
    states: ['receiver', 'sender'].flatMap((role) => targeted.map((each) => `${role} of ${each} ready`)),
  });
  // All show their copies at one interface, which a capture of the tap reads.
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-commands-'));
  sandbox.defer(async () => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'tap.pcapng');
  // A bridge floods all its pods with packets to one that has gone: those of other tests' pods are left out.
  const filter = `icmp and host ${await web.address()}`;
  const capturing = new CapturingCommand(namespace, `tap/${tap.id}`, '-w', file, `--filter=${filter}`);
  await capturing.said(`+ tap/${tap.id} ${sandbox.ifname}`);
  for (const shop of shops) await web.ping(await shop.address(), 20);
  expect(await capturing.end('SIGINT')).toBe(0);
  const types = (await tshark(readFileSync(file), '-T', 'fields', '-e', 'icmp.type')).split('\n');
  // Each packet is seen twice: as the one target sent it, and as the other received it.
  const countOf = (type: string) => types.filter((each) => each === type).length;
  expect([countOf(ECHO), countOf(ECHO_REPLY)]).toEqual([80, 80]);
  const unconfirmed = String.raw`jsonpath={.items[*].metadata.annotations.kokotap\.dev/unconfirmed}`;
  expect(await sandbox.kubectl('get', 'pods', '-o', unconfirmed)).toBe('');
  const partly = await kokotap(['delete', 'web', '-n', namespace]);
  expect(partly).toMatchObject({ exitCode: 1, stdout: '' });
  expect(partly.stderr).toContain(`pod/${namespace}/web is tapped together with pod/${namespace}/shop-`);
  expect(await kokotap(['delete', ...targets])).toMatchObject({
    exitCode: 0,
    stdout: `tap/${tap.id} deleted`,
  });
  expect(await sandbox.traces()).toEqual([]);
});

test('what cannot start is taken away again, with the reason', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const { namespace } = sandbox;
  const tap = ['create', 'web', '-n', namespace, `--tap-namespace=${namespace}`, '--to=node/node-b'];
  const image = 'localhost/kokotap-missing:1';
  const outcome = await kokotap([...tap, `--ifname=${sandbox.ifname}`, `--image=${image}`]);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(outcome.stderr).toMatch(
    /^kokotap: The tap does not start: .* does not have the image localhost\/kokotap-missing:1: import it there/mu,
  );
  expect((await kokotap(['list', '-n', namespace, '-o', 'name'])).stdout).toBe('');
});

/** Makes a tap that never becomes ready, for the target has no such interface, until its agent says so. */
async function createInVain(sandbox: Sandbox) {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const { namespace } = sandbox;
  const tap = ['create', 'web', '-n', namespace, `--tap-namespace=${namespace}`, '--to=node/node-b'];
  const creating = execa(
    process.execPath,
    [kokotapProgram, ...tap, `--ifname=${sandbox.ifname}`, '--pod-ifname=eth9'],
    { env: { KUBECONFIG: adminKubeconfig, KUBECTL: kubectlProgram }, reject: false, timeout: 150_000 },
  );
  let said = '';
  creating.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('the agent says why', async () => said.includes('waiting for interface eth9 of the target'));
  const id = (await kokotap(['list', '-n', namespace, '-o', 'name'])).stdout;
  sandbox.watchTap(id.replace('tap/', ''));
  return { creating, said: () => said };
}

test('what an interrupted command has made is taken away again', async ({ sandbox }) => {
  const { creating, said } = await createInVain(sandbox);
  creating.kill('SIGINT');
  expect(await creating).toMatchObject({ exitCode: 1, stdout: '' });
  expect(said()).toMatch(/^kokotap: Interrupted: what was made is taken away again$/mu);
  expect((await kokotap(['list', '-n', sandbox.namespace, '-o', 'name'])).stdout).toBe('');
  expect(await sandbox.traces()).toEqual([]);
});

test('what a killed command has made ends when its time is over', async ({ sandbox }) => {
  const { creating } = await createInVain(sandbox);
  creating.kill('SIGKILL');
  await creating;
  await until('the receiver has its device', async () => (await sandbox.traces()).length > 0);
  const waits = String.raw`jsonpath={.items[*].metadata.annotations.kokotap\.dev/unconfirmed}`;
  expect(await sandbox.kubectl('get', 'pods', '-o', waits)).toBe('180 180');
  await sandbox.kubectl(
    'annotate',
    'pods',
    '-l',
    'kokotap.dev/tap',
    '--overwrite',
    'kokotap.dev/unconfirmed=1',
  );
  await until('nothing is left in the kernel', async () => (await sandbox.traces()).length === 0);
  const { namespace } = sandbox;
  expect((await kokotap(['list', '-n', namespace])).stdout).toMatch(/ node\/node-b +Abandoned /u);
  expect((await kokotap(['delete', '--all', '-n', namespace])).exitCode).toBe(0);
});

test('doctor tries the nodes with a tap that copies nothing, and leaves nothing', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const { namespace } = sandbox;
  const place = ['-n', namespace, `--tap-namespace=${namespace}`];
  const args = ['doctor', 'web', ...place, '--to=node/node-b', '--probe', '-o', 'json'];
  const { exitCode, stdout } = await kokotap(args);
  const { items } = z.parse(diagnosisSchema, JSON.parse(stdout));
  const probed = items.filter(({ group }) => group === 'Probe');
  expect({ exitCode, failed: items.filter(({ level }) => level === 'fail') }).toEqual({
    exitCode: 0,
    failed: [],
  });
  expect(probed.map(({ code }) => code)).toEqual(
    ['1', '2', '3', '4', '5', '6'].map((digit) => `KT080${digit}`),
  );
  expect(probed[2]?.reason).toContain('Packets of 1500 bytes get through from node-a');
  const pods = async () => sandbox.kubectl('get', 'pods', '-o', 'name');
  expect(await pods()).toBe('pod/web');
  const probing = execa(process.execPath, [kokotapProgram, ...args], {
    env: { KUBECONFIG: adminKubeconfig, KUBECTL: kubectlProgram },
    reject: false,
    timeout: 150_000,
  });
  let said = '';
  probing.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('it waits for its pods', async () => said.includes('waiting for the receiver on node-b'));
  probing.kill('SIGINT');
  expect(await probing).toMatchObject({ exitCode: 1, stdout: '' });
  expect(said).toContain('Interrupted: what was made is taken away again');
  expect(await pods()).toBe('pod/web');
  for (const node of ['node-a', 'node-b'] as const)
    expect(await scriptOnNode(node, 'ip link')).not.toContain('kokotap-probe');
});
