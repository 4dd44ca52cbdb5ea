import { expect, test } from 'vitest';
import { startFakeApi } from '../support/fakeApi.ts';
import { commandAt } from '../support/kokotap.ts';
import { node, pod } from '../support/objects.ts';

const MINUTE_MS = 60_000;

/** The sender of another pod's tap, made so long ago, that waits so many seconds for its confirmation. */
function sender(id: string, minutes: number, unconfirmed: string | undefined) {
  return pod(`kokotap-${id}-sender`, {
    metadata: {
      creationTimestamp: new Date(Date.now() - minutes * MINUTE_MS).toISOString(),
      labels: { 'app.kubernetes.io/name': 'kokotap', 'kokotap.dev/tap': id, 'kokotap.dev/role': 'sender' },
      annotations: {
        'kokotap.dev/target': `pod/default/${id}`,
        'kokotap.dev/destination': 'node/node-b',
        ...(unconfirmed === undefined ? {} : { 'kokotap.dev/unconfirmed': unconfirmed }),
      },
    },
  });
}

test.each([
  ['--dry-run', ['confirmed', 'new', 'old']],
  ['--no-wait', ['confirmed', 'new']],
])('create %s leaves the pods of the taps %j', async (flag, left) => {
  await using api = await startFakeApi({
    objects: [
      node('node-a', ['10.0.0.1']),
      node('node-b', ['10.0.0.2']),
      pod('web'),
      sender('confirmed', 60, undefined),
      // Its time is over, but clocks may be ten minutes apart.
      sender('new', 12, '180'),
      sender('old', 14, '180'),
    ],
    override: ({ path, body }) =>
      path === '/api/v1/namespaces/default/pods' && body !== ''
        ? { code: 201, body: JSON.stringify({ metadata: { name: 'made', uid: 'made' } }) }
        : undefined,
  });
  const created = await commandAt(api.url, ['create', 'web', '--to=node/node-b', flag]);
  expect(created).toMatchObject({ exitCode: 0, stderr: '' });
  const { stdout } = await commandAt(api.url, ['list', '-o', 'name']);
  expect(stdout).toBe(left.map((id) => `tap/${id}\n`).join(''));
});
