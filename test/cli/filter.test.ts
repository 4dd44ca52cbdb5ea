import { expect, test } from 'vitest';
import { startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const objects = [pod('web'), node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const args = ['--pod=web', '--dest-node=node-b', '--vxlan-id=5'];

test.each([
  ['tcp prt 80', "can't parse filter expression: syntax error"],
  ['ip and ip6', 'expression rejects all packets'],
  [
    'inbound',
    "'inbound' asks for the direction, which another flag chooses: leave it out and give --mirrortype=",
  ],
])('a filter that is wrong, %s, is refused, and nothing is printed', async (filter, reason) => {
  await using api = await startFakeApi({ objects });
  const outcome = await commandAt(api.url, [...args, `--filter=${filter}`]);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
  expect(outcome.stderr).toContain(`kokotap: --filter is not possible: ${reason}`);
});

test('a filter that no agent can be given is refused', async () => {
  await using api = await startFakeApi({ objects });
  const outcome = await commandAt(api.url, [...args, `--filter=${'ip or '.repeat(20_000)}ip`]);
  expect(outcome).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr:
      'kokotap: --filter has 120002 characters, and an agent can be given 100000: name networks in place of hosts\n',
  });
});

test('a name that is not known here may be known on the node', async () => {
  await using api = await startFakeApi({ objects });
  const outcome = await commandAt(api.url, [...args, '--filter=host nosuch.invalid']);
  expect(outcome).toMatchObject({
    exitCode: 0,
    stderr: `kokotap: warning: --filter is not possible: unknown host 'nosuch.invalid' ("host nosuch.invalid"); the sender will try it on its node\n`,
  });
  expect(documents(outcome.stdout)).toHaveLength(2);
});
