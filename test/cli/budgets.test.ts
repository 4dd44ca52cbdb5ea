import { expect, test } from 'vitest';
import { type Override, refuse, startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const cluster = [pod('web'), node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const LINE = ['--pod=web', '--dest-node=node-b', '--vxlan-id=5'];

function budget(name: string, selector: object | undefined, namespace = 'default') {
  const kind = 'PodDisruptionBudget';
  return { apiVersion: 'policy/v1', kind, metadata: { name, namespace }, spec: { selector } };
}

async function run(
  budgets: readonly ReturnType<typeof budget>[],
  args: readonly string[] = [],
  override: Override = () => undefined,
) {
  await using api = await startFakeApi({ objects: [...cluster, ...budgets], override });
  return await commandAt(api.url, [...LINE, ...args]);
}

function warning(names: string): string {
  return `kokotap: warning: PodDisruptionBudget ${names} selects the tap's pods and would count them as healthy ones: they get a readiness gate against that and stay without the condition Ready, so wait for ContainersReady; or give --tap-namespace, a namespace of the taps' own\n`;
}

/** What a budget does not count. */
const GATED = { spec: { readinessGates: [{ conditionType: 'kokotap.dev/counted' }] } };

test("a budget that selects a tap's pods does not get to count them, and is told", async () => {
  const { exitCode, stdout, stderr } = await run([budget('all', {})]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: warning('"all"') });
  expect(documents(stdout)).toMatchObject([GATED, GATED]);
});

test('without such a budget the pods become Ready', async () => {
  const { stdout, stderr } = await run([budget('web', { matchLabels: { app: 'web' } })]);
  expect(stderr).toBe('');
  for (const manifest of documents(stdout)) expect(manifest).not.toHaveProperty('spec.readinessGates');
});

test('one of the sender alone, and several, are told in one line', async () => {
  const ofSender = budget('senders', { matchLabels: { 'app.kubernetes.io/component': 'sender' } });
  expect((await run([ofSender, budget('web', { matchLabels: { app: 'web' } })])).stderr).toBe(
    warning('"senders"'),
  );
  expect((await run([ofSender, budget('all', {})])).stderr).toBe(warning('"senders" and "all"'));
});

test("budgets are those of the tap's namespace", async () => {
  const [here, there] = [budget('here', {}), budget('there', {}, 'taps')];
  expect((await run([here], ['--tap-namespace=taps'])).stderr).toBe('');
  expect((await run([here, there], ['--tap-namespace=taps'])).stderr).toBe(warning('"there"'));
});

const forbidden: Override = ({ path }) =>
  path.endsWith('budgets') ? refuse(403, 'Forbidden', 'no') : undefined;

test('who may not list them is told only on request', async () => {
  expect(await run([budget('all', {})], [], forbidden)).toMatchObject({ exitCode: 0, stderr: '' });
  expect((await run([budget('all', {})], ['-v'], forbidden)).stderr).toContain(
    `kokotap: whether a PodDisruptionBudget counts the tap's pods is not known: You may not list poddisruptionbudgets in namespace "default"`,
  );
});

test('a tap does not fail by the question', async () => {
  const outcome = await run([budget('all', {})], [], ({ path }) =>
    path.endsWith('budgets') ? refuse(503, 'ServiceUnavailable', 'no etcd') : undefined,
  );
  expect(outcome.exitCode).toBe(0);
  expect(documents(outcome.stdout)).toHaveLength(2);
  expect(outcome.stderr).toMatch(
    /^kokotap: warning: whether a PodDisruptionBudget counts the tap's pods is not known: API server \S+ is in trouble .*\n$/u,
  );
});
