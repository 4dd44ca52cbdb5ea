import { execa } from 'execa';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import { tapListSchema } from '#src/cli/taps/tapList.ts';
import { captureOnNode } from './support/capture.ts';
import { adminKubeconfig, kokotap, kokotapProgram, kubectlProgram } from './support/lab.ts';
import { pings } from './support/packets.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

/** The taps that `kokotap create` says that it has made. */
function createdIn(sandbox: Sandbox, stdout: string): string[] {
  const ids = [...stdout.matchAll(/^tap\/([0-9a-f]{12}) created: /gmu)].flatMap(([, id]) => id ?? []);
  for (const id of ids) sandbox.watchTap(id);
  return ids;
}

test('a tap is listed while it is there, and deleted by its name', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  await sandbox.tap('--pod=web', '--dest-node=node-b');
  const list = ['list', '-n', sandbox.namespace];
  const { stdout } = await kokotap(list);
  expect(stdout).toMatch(
    new RegExp(
      `^${sandbox.namespace} +[0-9a-f]{12} +${sandbox.namespace}/web +node/node-b +Ready +\\S+ [kMG]?bit/s +\\d+ +\\d+s$`,
      'mu',
    ),
  );
  const { stdout: name } = await kokotap([...list, '-o', 'name']);
  const deleted = await kokotap(['delete', '-n', sandbox.namespace, name.trim()]);
  expect(deleted).toEqual({ exitCode: 0, stderr: '', stdout: `${name.trim()} deleted` });
  expect((await kokotap([...list, '-o', 'name'])).stdout).toBe('');
  expect(await sandbox.traces()).toEqual([]);
});

test('taps are made, looked at and deleted by their targets', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const { namespace } = sandbox;
  const targets = ['web', 'pod/peer', '-n', namespace];
  const created = await kokotap([
    'create',
    ...targets,
    '--to=node/node-b',
    `--tap-namespace=${namespace}`,
    `--ifname=${sandbox.ifname}`,
  ]);
  expect({ exitCode: created.exitCode, ids: createdIn(sandbox, created.stdout).length }).toEqual({
    exitCode: 0,
    ids: 2,
  });
  // Both show their copies at one interface.
  const copies = await captureOnNode('node-b', sandbox.ifname, async () => {
    await web.ping(await peer.address(), 20);
  });
  // Each packet is seen twice: as the one target sent it, and as the other received it.
  for (const kind of ['request', 'reply'] as const) expect(pings(copies, kind)).toHaveLength(40);
  const status = await kokotap(['status', ...targets, '-o', 'json']);
  expect(status).toMatchObject({ exitCode: 0, stderr: '' });
  const { items } = z.parse(tapListSchema, JSON.parse(status.stdout));
  for (const { endpoints = [], directions = {} } of items) {
    expect(endpoints.map(({ role, state }) => `${role} ${state}`)).toEqual([
      'sender ready',
      'receiver ready',
    ]);
    expect(directions['ingress']?.copiedPackets).toBeGreaterThanOrEqual(20);
    expect(directions['egress']?.copiedPackets).toBeGreaterThanOrEqual(20);
  }
  expect(items.map(({ target }) => target).toSorted()).toEqual([`${namespace}/peer`, `${namespace}/web`]);
  expect((await kokotap(['delete', ...targets])).exitCode).toBe(0);
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

test('what an interrupted command has made is taken away again', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const { namespace } = sandbox;
  // It never becomes ready: the target has no such interface.
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
  creating.kill('SIGINT');
  expect(await creating).toMatchObject({ exitCode: 1, stdout: '' });
  expect(said).toMatch(/^kokotap: Interrupted: what was made is taken away again$/mu);
  expect((await kokotap(['list', '-n', namespace, '-o', 'name'])).stdout).toBe('');
  expect(await sandbox.traces()).toEqual([]);
});
