import { expect, test } from 'vitest';
import { type Override, refuse, startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const HOST = 'Pod "host" in namespace "default"';

const NO_PAIR =
  'have no address of one family: give the nodes such addresses, name some with --source-address and --dest-address, or choose another destination';

const cluster = {
  objects: [
    pod('web-5d4f8c9b7d-x2x9z'),
    pod('centos'),
    pod('other', { namespace: 'kube-system' }),
    pod('pending', { phase: 'Pending', node: undefined }),
    pod('creating', { phase: 'Pending' }),
    pod('initialising', {
      phase: 'Pending',
      status: { initContainerStatuses: [{ state: { terminated: {} } }, {}, { state: { running: {} } }] },
    }),
    pod('done', { phase: 'Succeeded' }),
    pod('failed', { phase: 'Failed' }),
    pod('host', { spec: { hostNetwork: true } }),
    pod('leaving', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    pod('lonely', { node: 'no-address' }),
    pod('lost', { node: 'node-gone' }),
    pod('unassigned', { node: undefined }),
    { ...pod('new'), status: undefined },
    pod('on-not-ready', { node: 'not-ready' }),
    pod('many', {
      spec: {
        containers: [{ name: 'app' }, { name: 'proxy' }],
        initContainers: [{ name: 'init' }],
        ephemeralContainers: [{ name: 'debugger' }],
      },
    }),
  ],
  objectsOfNodes: [
    node('node-a', ['10.0.0.1']),
    node('node-b', ['10.0.0.2']),
    node('node-v6', ['fd00::6']),
    node('no-address', [], { external: '' }),
    node('not-ready', ['10.0.0.9'], { ready: 'Unknown' }),
  ],
};

async function run(args: readonly string[], override?: Override) {
  const objects = [...cluster.objects, ...cluster.objectsOfNodes];
  await using api = await startFakeApi({ objects, ...(override ? { override } : {}) });
  return await commandAt(api.url, ['--vxlan-id=5', ...args]);
}

test.each([
  [
    'no such pod',
    ['--pod=centoss'],
    'There is no pod "centoss" in namespace "default": did you mean "centos"?',
  ],
  [
    "a workload's name",
    ['--pod=web'],
    'There is no pod "web" in namespace "default": did you mean "web-5d4f8c9b7d-x2x9z"?',
  ],
  [
    'no such pod, none near',
    ['--pod=xyzxyz'],
    'There is no pod "xyzxyz" in namespace "default"; see: kubectl get pods -n default',
  ],
  [
    'a pod of another namespace',
    ['--pod=other'],
    'There is no pod "other" in namespace "default"; see: kubectl get pods -n default',
  ],
  [
    'no such namespace',
    ['--pod=centos', '-n', 'kube-sistem'],
    'There is no namespace "kube-sistem": did you mean "kube-system"?',
  ],
  [
    'no such destination node',
    ['--pod=centos', '--dest-node=node-c'],
    'There is no node "node-c": did you mean "node-a" or "node-b"?',
  ],
  [
    "a node's host name",
    ['--pod=centos', '--dest-node=unlike-any'],
    'There is no node "unlike-any"; see: kubectl get nodes',
  ],
  ["the pod's node is gone", ['--pod=lost'], 'There is no node "node-gone"; see: kubectl get nodes'],
  [
    'no such container',
    ['--pod=many', '--pod-container=prox'],
    'Pod "many" in namespace "default" has no container "prox": did you mean "proxy"?',
  ],
  [
    'no such container, none near',
    ['--pod=many', '--pod-container=sidecar'],
    'Pod "many" in namespace "default" has no container "sidecar": it has "init", "app", "proxy", "debugger"',
  ],
  [
    'not scheduled',
    ['--pod=pending'],
    'Pod "pending" in namespace "default" is not running yet (phase Pending): wait until it is, then try again',
  ],
  [
    'said to run, but nowhere',
    ['--pod=unassigned'],
    'Pod "unassigned" in namespace "default" is not running yet (phase Running): wait until it is, then try again',
  ],
  [
    'without a status',
    ['--pod=new'],
    'Pod "new" in namespace "default" is not running yet (phase Unknown): wait until it is, then try again',
  ],
  [
    'not there, and neither is the destination',
    ['--pod=xyzxyz', '--dest-node=unlike-any'],
    'There is no pod "xyzxyz" in namespace "default"; see: kubectl get pods -n default',
  ],
  [
    'no container running yet',
    ['--pod=creating'],
    'Pod "creating" in namespace "default" is not running yet (phase Pending): wait until it is, then try again',
  ],
  [
    'finished',
    ['--pod=done'],
    'Pod "done" in namespace "default" has finished (phase Succeeded): tap a running pod',
  ],
  [
    'failed',
    ['--pod=failed'],
    'Pod "failed" in namespace "default" has finished (phase Failed): tap a running pod',
  ],
  [
    'hostNetwork, and a destination on the same node',
    ['--pod=host', '--dest-node=node-a'],
    `${HOST} uses the network of its node "node-a" (hostNetwork), and so would the mirror: name another --dest-node, or capture on the node itself`,
  ],
  [
    'hostNetwork, and a port of its own',
    ['--pod=host', '--vxlan-port=8472'],
    `${HOST} uses the network of its node "node-a" (hostNetwork), and --vxlan-port 8472 is not possible for such a pod: taps of nodes leave out each other's copies by UDP port 4789, and on two ports would copy them for ever; leave the flag out`,
  ],
  [
    'a node without address',
    ['--pod=lonely'],
    `Nodes "no-address" (no address) and "node-b" (10.0.0.2) ${NO_PAIR}`,
  ],
  [
    'nodes of two families',
    ['--pod=centos', '--dest-node=node-v6'],
    `Nodes "node-a" (10.0.0.1) and "node-v6" (fd00::6) ${NO_PAIR}`,
  ],
  [
    "an address of another family than the node's",
    ['--pod=centos', '--dest-ip=2001:db8::1'],
    '--dest-ip "2001:db8::1" is IPv6, but the pod\'s node "node-a" has no address of that family (10.0.0.1): give an address of the other family, or name one of the node with --source-address',
  ],
  [
    "the pod's node's own address",
    ['--pod=centos', '--dest-ip=10.0.0.1'],
    '--dest-ip "10.0.0.1" is the address of the pod\'s own node "node-a": give --dest-node=node-a instead',
  ],
])('%s', async (_, args, message) => {
  const hasDestination = args.some((arg) => arg.startsWith('--dest'));
  const outcome = await run([...args, ...(hasDestination ? [] : ['--dest-node=node-b'])]);
  expect(outcome).toEqual({ exitCode: 1, stdout: '', stderr: `kokotap: ${message}\n` });
});

test.each(['init', 'app', 'proxy', 'debugger'])('container %s exists', async (container) => {
  const { exitCode, stderr } = await run([
    '--pod=many',
    `--pod-container=${container}`,
    '--dest-node=node-b',
  ]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

test('a pod whose init containers run has its network already', async () => {
  const { exitCode, stdout } = await run(['--pod=initialising', '--dest-node=node-b']);
  expect(exitCode).toBe(0);
  expect(documents(stdout)).toHaveLength(2);
});

test.each([
  [
    ['--pod=on-not-ready', '--dest-node=node-b'],
    'Node "not-ready" is not ready: the tap will work once it is',
  ],
  [
    ['--pod=on-not-ready', '--dest-node=not-ready'],
    'Node "not-ready" is not ready: the tap will work once it is',
  ],
  [['--pod=centos', '--dest-node=not-ready'], 'Node "not-ready" is not ready: the tap will work once it is'],
  [
    ['--pod=leaving', '--dest-node=node-b'],
    'Pod "leaving" in namespace "default" is being deleted: the tap will end with it',
  ],
])('%j warns', async (args, warning) => {
  const { exitCode, stdout, stderr } = await run(args);
  expect(stderr).toBe(`kokotap: warning: ${warning}\n`);
  expect(exitCode).toBe(0);
  expect(documents(stdout)).toHaveLength(2);
});

test('without the right to list there are no suggestions', async () => {
  const { stderr } = await run(['--pod=centoss', '--dest-node=node-b'], ({ path }) =>
    /(?:\/pods|\/namespaces\/\w+)$/u.test(path) ? refuse(403, 'Forbidden', 'no') : undefined,
  );
  expect(stderr).toBe(
    'kokotap: There is no pod "centoss" in namespace "default"; see: kubectl get pods -n default\n',
  );
});
