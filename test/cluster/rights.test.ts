import { expect } from 'vitest';
import { kokotap } from './support/lab.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { serviceAccount } from './support/users.ts';

test('missing rights are named, and the least ones are enough', async ({ sandbox }) => {
  const { namespace } = sandbox;
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const kubeconfig = await serviceAccount(sandbox, 'tapper');
  const args = ['--pod=web', '--dest-node=node-b', '-n', namespace];
  const refused = async (...words: string[]): Promise<void> => {
    const outcome = await kokotap(args, kubeconfig);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    for (const word of words) expect(outcome.stderr).toContain(word);
  };

  await refused(`You may not get pods in namespace "${namespace}"`);
  await grant(sandbox, 'role', 'pod', '--verb=get', '--resource=pods', '--resource-name=web');
  await refused('"kokotap-web-sender"', `You may not get pods in namespace "${namespace}"`);
  const taps = ['--resource-name=kokotap-web-sender', '--resource-name=kokotap-web-receiver-node-b'];
  await grant(sandbox, 'role', 'tap-pods', '--verb=get', '--resource=pods', ...taps);
  await refused('You may not get nodes: ');
  // oxfmt-ignore
  await grant(sandbox, 'clusterrole', 'nodes', '--verb=get', '--resource=nodes', '--resource-name=node-a', '--resource-name=node-b');
  await refused('You may not list pods in all namespaces: ', '--vxlan-id');
  expect(await kokotap([...args, '--vxlan-id=100'], kubeconfig)).toMatchObject({ exitCode: 0, stderr: '' });
  await grant(sandbox, 'clusterrole', 'taps', '--verb=list', '--resource=pods');
  expect(await kokotap(args, kubeconfig)).toMatchObject({ exitCode: 0, stderr: '' });
});

/** Gives the rights to the ServiceAccount `tapper`. */
async function grant(
  sandbox: Sandbox,
  kind: 'role' | 'clusterrole',
  name: string,
  ...rules: string[]
): Promise<void> {
  const { namespace } = sandbox;
  const full = `${namespace}-${name}`;
  await sandbox.kubectl('create', kind, full, ...rules);
  const subject = `--serviceaccount=${namespace}:tapper`;
  await sandbox.kubectl('create', `${kind}binding`, full, `--${kind}=${full}`, subject);
  sandbox.defer(() => sandbox.kubectl('delete', kind, full));
  sandbox.defer(() => sandbox.kubectl('delete', `${kind}binding`, full));
}
