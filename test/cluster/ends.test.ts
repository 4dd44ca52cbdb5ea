import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { kubectl } from './support/lab.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

/** Eight programs that never wait, with a request for nearly all CPUs of the node. */
const busy = 'for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; sleep infinity & wait $!';
/** The grace period of a tap's pods, and what the kubelet takes. */
const endedMs = 60_000;

describe('a tap leaves nothing', () => {
  test('when it is deleted on a node without spare CPU', async ({ sandbox }) => {
    const { web } = await pair(sandbox);
    const before = await sandbox.snapshot(web);
    const names = await sandbox.tap('--pod=web', '--dest-node=node-b');
    await sandbox.startPod({ name: 'burn', node: 'node-a', spec: burning });
    await sleep(2000); // until it has the CPUs
    await sandbox.delete('pods', ...names);
    await sandbox.kubectl('delete', 'pod', 'burn', '--now');
    expect(await sandbox.traces()).toEqual([]);
    expect(await sandbox.snapshot(web)).toEqual(before);
  });

  test('when its pods are deleted by force', async ({ sandbox }) => {
    const { web } = await pair(sandbox);
    const before = await sandbox.snapshot(web);
    const names = await sandbox.tap('--pod=web', '--dest-node=node-b');
    await sandbox.kubectl('delete', 'pod', '--force', '--grace-period=0', ...names);
    await gone(sandbox);
    expect(await sandbox.snapshot(web)).toEqual(before);
  });

  test('when its namespace is deleted, with the target', async ({ sandbox }) => {
    await pair(sandbox);
    await sandbox.tap('--pod=web', '--dest-node=node-b');
    await kubectl('delete', 'namespace', sandbox.namespace, '--wait=false');
    await gone(sandbox);
  });
});

const burning = {
  containers: [
    {
      name: 'main',
      image: 'localhost/kokotap-lab-tools:1',
      command: ['bash', '-c', busy],
      resources: { requests: { cpu: '1500m' } },
    },
  ],
};

async function gone(sandbox: Sandbox): Promise<void> {
  await until('nothing is left in the kernel', async () => (await sandbox.traces()).length === 0, endedMs);
}
