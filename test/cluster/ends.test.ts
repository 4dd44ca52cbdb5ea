import { describe, expect } from 'vitest';
import { kubectl } from './support/lab.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

/** The grace period of a tap's pods, and what the kubelet takes. */
const endedMs = 60_000;

describe('a tap leaves nothing', () => {
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

async function gone(sandbox: Sandbox): Promise<void> {
  await until('nothing is left in the kernel', async () => (await sandbox.traces()).length === 0, endedMs);
}
