import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { kokotap, scriptOnNode } from './support/lab.ts';
import { pings } from './support/packets.ts';
import { pair, test } from './support/sandbox.ts';

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
  const before = await sandbox.snapshot(web);
  const args = ['--pod=web', '--pod-ifname=net1', '--dest-node=node-b'];
  await sandbox.tap(...args);
  const there = await peer.address();
  const packets = await captureOnNode('node-b', sandbox.ifname, async () => {
    await web.ping(there, 2);
    await web.ping('203.0.113.1', 4);
  });
  expect(pings(packets, 'request')).toEqual(fourPings);
  expect(pings(packets, 'reply')).toEqual(fourPings);
  await sandbox.untap(...args);
  expect(await sandbox.snapshot(web)).toEqual(before);
});
