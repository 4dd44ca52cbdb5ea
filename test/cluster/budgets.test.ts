import { expect } from 'vitest';
import { kokotap, kubectl, kubectlWith } from './support/lab.ts';
import { toolsImage } from './support/pod.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

test("a budget does not count a tap's pods, in the target's namespace or another", async ({ sandbox }) => {
  const { namespace } = sandbox;
  const taps = `${namespace}-taps`;
  await kubectl('create', 'namespace', taps);
  sandbox.defer(() => kubectl('delete', 'namespace', taps, '--wait=false'));
  sandbox.defer(() => kubectl('delete', 'pods', '--all', '-n', taps));
  const pod = await startGuardedApplication(sandbox);
  const args = [`--pod=${pod}`, '--dest-node=node-b'];

  const apart = [...args, `--tap-namespace=${taps}`, `--ifname=${sandbox.ifname}1`];
  expect((await kokotap([...apart, '-n', namespace])).stderr).toBe('');
  const others = (await sandbox.createTap(...apart)).map((name) => `pod/${name}`);
  await kubectl('wait', '-n', taps, '--for=condition=Ready', '--timeout=60s', ...others);

  const { stderr } = await kokotap([...args, '-n', namespace]);
  expect(stderr).toContain('warning: PodDisruptionBudget "all" selects the tap\'s pods');
  const names = await sandbox.createTap(...args);
  await sandbox.condition('pods', 'ContainersReady', 'True', ...names);
  const budget = await sandbox.field('poddisruptionbudgets', 'all', '.status');
  expect(JSON.parse(budget)).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 1 });
  // A pod that is Ready is counted: the one, and still not the tap's.
  await sandbox.startPod({ name: 'peer', node: 'node-b' });
  await expectAllowed(sandbox, 2);
  await Promise.all([sandbox.untap(...args), sandbox.untap(...apart)]);
});

/** Two pods of a Deployment, of which a budget lets one be evicted at a time; the name of one of them. */
async function startGuardedApplication(sandbox: Sandbox): Promise<string> {
  const app = { app: 'app' };
  const container = { name: 'main', image: toolsImage, command: ['sleep', 'infinity'] };
  const spec = {
    nodeSelector: { 'kubernetes.io/hostname': 'node-a' },
    terminationGracePeriodSeconds: 1,
    containers: [container],
  };
  const template = { metadata: { labels: app }, spec };
  const objects = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'app' },
      spec: { replicas: 2, selector: { matchLabels: app }, template },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'all' },
      spec: { maxUnavailable: 1, selector: {} },
    },
  ];
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await kubectlWith(list, 'create', '-n', sandbox.namespace);
  await sandbox.kubectl('rollout', 'status', 'deployment/app', '--timeout=120s');
  await expectAllowed(sandbox, 1);
  const [name = ''] = await sandbox.fields('pods', 'app=app', '.metadata.name');
  return name;
}

/** Pods that the budget lets be evicted now. */
function allowed(sandbox: Sandbox): Promise<string> {
  return sandbox.field('poddisruptionbudgets', 'all', '.status.disruptionsAllowed');
}

async function expectAllowed(sandbox: Sandbox, count: number): Promise<void> {
  await until(`the budget allows ${count}`, async () => (await allowed(sandbox)) === String(count));
}
