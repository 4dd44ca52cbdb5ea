import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { kokotap, scriptOnNode } from './support/lab.ts';
import { pings } from './support/packets.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';
import { Pod } from './support/pod.ts';

const fourPings = [1, 2, 3, 4];

test('a container stands for its pod; an unknown one is refused', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'two', node: 'node-a', containers: ['main', 'second'] });
  const args = ['--pod=two', '--dest-node=node-b', '-n', sandbox.namespace];
  const wrong = await kokotap([...args, '--pod-container=secnd']);
  expect(wrong).toMatchObject({ exitCode: 1, stdout: '' });
  expect(wrong.stderr).toContain('has no container "secnd": did you mean "second"?');
  expect(await sandbox.tap(...args, '--pod-container=second')).toHaveLength(2);
});

test("a second interface of the pod's is tapped, and only that", async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  await web.script(`
    ip link add kokotap-net1 type veth peer name net1 netns "$pid"
    ip address add 203.0.113.1/24 dev kokotap-net1
    ip link set kokotap-net1 up
    nsenter --net="/proc/$pid/ns/net" ip address add 203.0.113.2/24 dev net1
    nsenter --net="/proc/$pid/ns/net" ip link set net1 up`);
  sandbox.defer(() => scriptOnNode('node-a', 'ip link delete kokotap-net1 || true'));
  const before = await web.snapshot();
  const args = ['--pod=web', '--pod-ifname=net1', '--dest-node=node-b'];
  await sandbox.tap(...args);
  const there = await peer.address();
  const packets = await captureOnNode('node-b', 'mirror', async () => {
    await web.ping(there, 2);
    await web.ping('203.0.113.1', 4);
  });
  expect(pings(packets, 'request')).toEqual(fourPings);
  expect(pings(packets, 'reply')).toEqual(fourPings);
  await sandbox.untap(...args);
  expect(await web.snapshot()).toEqual(before);
});

test('a static pod is tapped by the name of its mirror pod', async ({ sandbox }) => {
  const peer = await sandbox.startPod({ name: 'peer', node: 'node-b' });
  const web = await startStaticPod(sandbox, 'static');
  await sandbox.tap(`--pod=${web.name}`, '--dest-node=node-b');
  const there = await peer.address();
  const packets = await captureOnNode('node-b', 'mirror', () => web.ping(there, 4));
  expect(pings(packets, 'request')).toEqual(fourPings);
  expect(pings(packets, 'reply')).toEqual(fourPings);
});

/** Puts the manifest into the folder that node-a's kubelet reads. */
async function startStaticPod(sandbox: Sandbox, name: string): Promise<Pod> {
  const { namespace } = sandbox;
  const file = `/etc/kubernetes/manifests/${namespace}.json`;
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: 'localhost/kokotap-lab-tools:1', command: ['sleep', 'infinity'] }],
    },
  };
  const pod = new Pod(namespace, `${name}-node-a`, 'node-a');
  sandbox.defer(async () => {
    await scriptOnNode('node-a', 'rm "$1"', file);
    await until('the mirror pod is gone', async () => {
      const found = await sandbox.kubectl('get', 'pod', pod.name, '--ignore-not-found');
      return found === '';
    });
  });
  // The kubelet must not read half of it.
  await scriptOnNode(
    'node-a',
    'echo "$2" >"/tmp/manifest" && mv /tmp/manifest "$1"',
    file,
    JSON.stringify(manifest),
  );
  await until('the mirror pod is there', async () => (await pod.field('.metadata.name')) === pod.name);
  await sandbox.ready(pod.name);
  return pod;
}
