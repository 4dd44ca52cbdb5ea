import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
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
    await sandbox.kubectl('delete', 'pod', ...names);
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
    const phases = await sandbox.kubectl('get', 'pod', ...names, '-o', 'jsonpath={.items[*].status.reason}');
    return phases === 'DeadlineExceeded DeadlineExceeded';
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
  await sandbox.kubectl('delete', 'pod', 'web');
  await sandbox.kubectl('wait', '--for=condition=Ready=false', `pod/${sender}`, '--timeout=150s');
  const id = await sandbox.tapId(sender);
  const { namespace } = sandbox;
  await until('the sender says what to do', async () => {
    const log = await sandbox.kubectl('logs', sender, '--tail=1');
    const gone = `waiting for the pod ${namespace}/web with UID `;
    const renew = `to renew the tap: kubectl delete pod -n ${namespace} -l kokotap.dev/tap=${id}, then `;
    return log.includes(`"state":"waiting","msg":"${gone}`) && log.includes(renew);
  });
  const { stdout, warning } = await sandbox.untap(...args);
  expect(warning).toMatch(/^kokotap: warning: There is no pod "web" in namespace "/);
  expect(stdout).toContain(`pod "${sender}" deleted`);
  expect(stdout).toContain(`pod "${receiver}" deleted`);
});
