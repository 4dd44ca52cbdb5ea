import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { kokotap, kubectlWith } from './support/lab.ts';
import { pair, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

test.for(['node-a', 'node-b'])(
  'deleting the pods of a tap to %s leaves nothing',
  async (node, { sandbox }) => {
    const { web } = await pair(sandbox);
    const before = await sandbox.snapshot(web);
    const names = await sandbox.tap('--pod=web', `--dest-node=${node}`);
    expect(await sandbox.snapshot(web)).not.toEqual(before);
    expect((await sandbox.traces()).join('\n')).toContain(await sandbox.tapId(names[0] ?? ''));
    await sandbox.delete('pods', ...names);
    expect(await sandbox.snapshot(web)).toEqual(before);
    expect(await sandbox.traces()).toEqual([]);
  },
);

test('a tap of a limited duration ends by itself', async ({ sandbox }) => {
  const { web } = await pair(sandbox);
  const before = await sandbox.snapshot(web);
  const names = await sandbox.tap('--pod=web', '--dest-node=node-b', '--duration=15s');
  expect(await sandbox.snapshot(web)).not.toEqual(before);
  await sleep(5000);
  await until('both pods have ended', async () => {
    const reasons = await Promise.all(names.map((name) => sandbox.field('pods', name, '.status.reason')));
    return reasons.join(' ') === 'DeadlineExceeded DeadlineExceeded';
  });
  await until('nothing is left in the kernel', async () => {
    expect(await sandbox.snapshot(web)).toEqual(before);
    return true;
  });
});

test('a tap whose target is gone waits, and is deleted with the line that made it', async ({ sandbox }) => {
  await pair(sandbox);
  const args = ['--pod=web', '--dest-node=node-b', `--vxlan-id=${sandbox.vni}`];
  const [sender = '', receiver] = await sandbox.tap(...args);
  await sandbox.delete('pods', 'web');
  await sandbox.condition('pods', 'Ready', 'False', sender);
  const id = await sandbox.tapId(sender);
  const { namespace } = sandbox;
  await until('the sender says what to do', async () => {
    const [log = ''] = (await sandbox.logs(sender)).trimEnd().split('\n').slice(-1);
    const gone = `waiting for the pod ${namespace}/web with UID `;
    const renew = `to renew the tap: kubectl delete pod -n ${namespace} -l kokotap.dev/tap=${id}, then `;
    return log.includes(`"state":"waiting","msg":"${gone}`) && log.includes(renew);
  });
  const { stdout: manifests, stderr } = await kokotap([
    ...args,
    `--ifname=${sandbox.ifname}`,
    '-n',
    namespace,
  ]);
  expect(stderr).toMatch(/^kokotap: warning: There is no pod "web" in namespace "/);
  const { stdout } = await kubectlWith(manifests, 'delete');
  expect(stdout).toContain(`pod "${sender}" deleted`);
  expect(stdout).toContain(`pod "${receiver}" deleted`);
});
