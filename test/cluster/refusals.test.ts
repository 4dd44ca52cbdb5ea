import { expect } from 'vitest';
import { kokotap } from './support/lab.ts';
import { podObject, toolsImage } from './support/pod.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

test('what is not there is named, with what comes near', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  await expectRefusal(
    sandbox,
    'wep',
    'node-b',
    `There is no pod "wep" in namespace "${sandbox.namespace}": did you mean "web"?`,
  );
  await expectRefusal(sandbox, 'web', 'node-x', 'There is no node "node-x": did you mean "node-');
});

test('a pod that runs nowhere yet is refused', async ({ sandbox }) => {
  const { spec, ...pod } = podObject({ name: 'pending', node: 'node-a' });
  const { nodeName: _, ...unscheduled } = spec;
  const nowhere = { ...unscheduled, nodeSelector: { 'kokotap-test': 'nowhere' } };
  await sandbox.create({ ...pod, spec: nowhere });
  await expectRefusal(sandbox, 'pending', 'node-b', 'is not running yet (phase Pending)');
});

test('a pod that has finished is refused', async ({ sandbox }) => {
  const pod = podObject({ name: 'done', node: 'node-a', spec: { restartPolicy: 'Never' } });
  const containers = pod.spec.containers.map((container) => ({ ...container, command: ['true'] }));
  await sandbox.create({ ...pod, spec: { ...pod.spec, containers } });
  await until('it has finished', async () => {
    return (await sandbox.field('pods', 'done', '.status.phase')) === 'Succeeded';
  });
  await expectRefusal(sandbox, 'done', 'node-b', 'has finished (phase Succeeded)');
});

test("a pod in its node's network is refused on that node", async ({ sandbox }) => {
  // It echoes nothing: the ports are the node's, which other tests use.
  const sleeper = { name: 'main', image: toolsImage, command: ['sleep', 'infinity'] };
  await sandbox.startPod({
    name: 'host',
    node: 'node-a',
    spec: { hostNetwork: true, containers: [sleeper] },
  });
  await expectRefusal(sandbox, 'host', 'node-a', '(hostNetwork), and so would the mirror: name another');
});

test('what is wrong with a filter is seen in the description of the sender', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const [sender = ''] = await sandbox.createTap('--pod=web', '--dest-node=node-b', '--filter=port nosuch');
  await until('kubectl describes it', async () => {
    const description = await sandbox.kubectl('describe', 'pod', sender);
    return description.includes(`--filter is not possible: unknown port 'nosuch' ("port nosuch")`);
  });
});

async function expectRefusal(sandbox: Sandbox, pod: string, node: string, message: string): Promise<void> {
  const outcome = await kokotap([`--pod=${pod}`, `--dest-node=${node}`, '-n', sandbox.namespace]);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(outcome.stderr).toContain(message);
  expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1);
}
