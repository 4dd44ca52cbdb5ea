import { expect, test } from 'vitest';
import { tapId } from '#src/spec/tapId.ts';
import { refuse, startFakeApi } from './support/fakeApi.ts';
import { commandAt } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const nodes = [node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const LINE = ['--pod=web', '--dest-node=node-b', '--vxlan-id=5'];

/** The sender of the pod's tap to another node: its name is the same, its tap is not. */
const otherSender = {
  ...pod('kokotap-web-sender'),
  metadata: {
    ...pod('kokotap-web-sender').metadata,
    labels: { 'kokotap.dev/tap': '0123456789ab' },
    annotations: { 'kokotap.dev/destination': 'node/node-c' },
  },
};

test('a tap of the pod to another destination is neither created over nor deleted', async () => {
  await using api = await startFakeApi({ objects: [pod('web'), ...nodes, otherSender] });
  const result = await commandAt(api.url, LINE);
  expect(result).toMatchObject({ exitCode: 1, stdout: '' });
  expect(result.stderr).toBe(
    'kokotap: Pod "kokotap-web-sender" in namespace "default" is of the tap to node/node-c: ' +
      'delete it first, or give this tap another --ifname\n',
  );
});

test('nor is a pod of that name that is no tap at all', async () => {
  await using api = await startFakeApi({ objects: [pod('web'), ...nodes, pod('kokotap-web-sender')] });
  expect((await commandAt(api.url, LINE)).stderr).toBe(
    'kokotap: Pod "kokotap-web-sender" in namespace "default" is not a tap: ' +
      'delete it first, or give this tap another --ifname\n',
  );
});

test('another --ifname gives the second tap names of its own', async () => {
  await using api = await startFakeApi({ objects: [pod('web'), ...nodes, otherSender] });
  expect(await commandAt(api.url, [...LINE, '--ifname=tap2'])).toMatchObject({ exitCode: 0, stderr: '' });
});

test.each([
  [
    'the API is in trouble',
    refuse(503, 'ServiceUnavailable', 'no etcd'),
    'is in trouble (status 503): no etcd',
  ],
  ['it may not be seen', refuse(403, 'Forbidden', 'no'), 'You may not get pods in namespace "default"'],
])('nothing is printed while nobody knows whose the name is: %s', async (_, answer, reason) => {
  await using api = await startFakeApi({
    objects: [pod('web'), ...nodes, otherSender],
    override: ({ path }) => (path.endsWith('/kokotap-web-sender') ? answer : undefined),
  });
  const { stderr, ...outcome } = await commandAt(api.url, LINE);
  expect(outcome).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toContain(reason);
});

test.each([
  ['an earlier pod of that name', '{"podUid":"uid-of-earlier"}', true],
  ['the pod', '{"podUid":"uid-of-web"}', false],
  ["a pod that had its node's network", '--host-network', false],
])('a sender of %s that is there', async (_, arg, warns) => {
  const id = tapId({
    pod: 'web',
    targetNamespace: 'default',
    podIfname: 'eth0',
    destination: { node: 'node-b' },
    ifname: 'mirror',
    tapNamespace: 'default',
  });
  const sender = pod('kokotap-web-sender', {
    metadata: { labels: { 'kokotap.dev/tap': id } },
    spec: { containers: [{ name: 'agent', image: 'x', args: ['sender', arg] }, { name: 'other' }] },
  });
  await using api = await startFakeApi({ objects: [pod('web'), ...nodes, sender] });
  const { exitCode, stdout, stderr } = await commandAt(api.url, LINE);
  expect(exitCode).toBe(0);
  expect(stdout).toContain(id);
  expect(stderr).toBe(
    warns
      ? 'kokotap: warning: The tap that is there is of an earlier pod "web", with another UID: delete it with this line and kubectl delete -f -, then create it again\n'
      : '',
  );
});
