import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';
import { documentOf } from './support/tapManifest.ts';

const EXTERNAL = '198.51.100.7';

const objects = [
  pod('web', { node: 'one' }),
  pod('on-two', { node: 'two' }),
  pod('outside', { node: 'external' }),
  node('one', ['no-address', '10.0.0.1']),
  node('two', ['10.0.0.100', 'fd00::2', '10.0.0.2', '192.0.2.2']),
  node('dual', ['fd00::3', '10.0.0.3']),
  node('external', [], { external: EXTERNAL }),
  node('strange', [], { external: 'unknown' }),
];

const withPath = z.object({ path: z.object({ local: z.string(), remote: z.string() }) });

/** From and to where the agent of a printed pod sends. */
function pathOf(manifest: unknown) {
  const { path } = z.parse(withPath, documentOf(manifest));
  return path;
}

const NOWHERE = { local: undefined, remote: undefined };

/** From and to where a line's tap goes, and what kokotap says. */
async function run(...args: readonly string[]) {
  await using api = await startFakeApi({ objects });
  const { exitCode, stdout, stderr } = await commandAt(api.url, ['--vxlan-id=5', ...args]);
  const [sender] = documents(stdout);
  const { local, remote } = sender === undefined ? NOWHERE : pathOf(sender);
  return { exitCode, stderr, local, remote };
}

test.each<[string, string[], string, string, string]>([
  ['one of each node is not told', ['--pod=web', '--dest-node=dual'], '10.0.0.1', '10.0.0.3', ''],
  [
    'the first of several is, of the destination',
    ['--pod=web', '--dest-node=two'],
    '10.0.0.1',
    '10.0.0.100',
    'Node "two" has the addresses 10.0.0.100, 10.0.0.2, 192.0.2.2: the tap uses 10.0.0.100; --dest-address names another one',
  ],
  [
    'the first of several is, of the target',
    ['--pod=on-two', '--dest-node=one'],
    '10.0.0.100',
    '10.0.0.1',
    'Node "two" has the addresses 10.0.0.100, 10.0.0.2, 192.0.2.2: the tap uses 10.0.0.100; --source-address names another one',
  ],
  [
    'the first of several is, to outside the cluster',
    ['--pod=on-two', '--dest-ip=192.0.2.9'],
    '10.0.0.100',
    '192.0.2.9',
    'Node "two" has the addresses 10.0.0.100, 10.0.0.2, 192.0.2.2: the tap uses 10.0.0.100; --source-address names another one',
  ],
  [
    'only the external one',
    ['--pod=web', '--dest-node=external'],
    '10.0.0.1',
    EXTERNAL,
    `Node "external" has no InternalIP: the tap uses its ExternalIP ${EXTERNAL}; --dest-address names another one`,
  ],
  [
    'only the external one of the target',
    ['--pod=outside', '--dest-ip=192.0.2.9'],
    EXTERNAL,
    '192.0.2.9',
    `Node "external" has no InternalIP: the tap uses its ExternalIP ${EXTERNAL}; --source-address names another one`,
  ],
  [
    'what is named needs no warning',
    ['--pod=on-two', '--dest-node=one', '--source-address=192.0.2.2'],
    '192.0.2.2',
    '10.0.0.1',
    '',
  ],
  [
    'what is named need not be in the API, and has its canonical form',
    ['--pod=on-two', '--dest-node=dual', '--source-address=FD00:0::9', '--dest-address=fd00:0:0::7'],
    'fd00::9',
    'fd00::7',
    '',
  ],
  [
    'what is named decides the family of the other',
    ['--pod=on-two', '--dest-node=dual', '--dest-address=fd00::7'],
    'fd00::2',
    'fd00::7',
    '',
  ],
  [
    'the source alone, to outside the cluster',
    ['--pod=on-two', '--dest-ip=192.0.2.9', '--source-address=10.0.0.2'],
    '10.0.0.2',
    '192.0.2.9',
    '',
  ],
])('%s', async (_, args, local, remote, warning) => {
  const stderr = warning === '' ? '' : `kokotap: warning: ${warning}\n`;
  expect(await run(...args)).toEqual({ exitCode: 0, stderr, local, remote });
});

test('the receiver has them the other way round', async () => {
  await using api = await startFakeApi({ objects });
  const named = ['--source-address=192.0.2.2', '--dest-address=192.0.2.3'];
  const { stdout } = await commandAt(api.url, ['--pod=on-two', '--dest-node=dual', '--vxlan-id=5', ...named]);
  expect(pathOf(documents(stdout)[1])).toEqual({ local: '192.0.2.3', remote: '192.0.2.2' });
});

test.each([
  [
    ['--pod=web', '--dest-node=dual', '--source-address=fd00::9', '--dest-address=10.0.0.3'],
    'Nodes "one" (fd00::9) and "dual" (10.0.0.3) have no address of one family: give the nodes such addresses, name some with --source-address and --dest-address, or choose another destination',
  ],
  [
    ['--pod=web', '--dest-node=strange'],
    'Nodes "one" (10.0.0.1) and "strange" (no address) have no address of one family: give the nodes such addresses, name some with --source-address and --dest-address, or choose another destination',
  ],
  [
    ['--pod=web', '--dest-ip=192.0.2.9', '--source-address=fd00::9'],
    '--dest-ip "192.0.2.9" is IPv4, but the pod\'s node "one" has no address of that family (fd00::9): give an address of the other family, or name one of the node with --source-address',
  ],
])('%j is refused', async (args, message) => {
  expect(await run(...args)).toMatchObject({ exitCode: 1, stderr: `kokotap: ${message}\n` });
});
