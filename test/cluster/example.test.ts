import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { kokotap, kubectl, kubectlWith } from './support/lab.ts';
import { type Packet, payloads, pings } from './support/packets.ts';
import { Pod, podObject } from './support/pod.ts';
import { pair, test } from './support/sandbox.ts';
import { typed } from './support/typed.ts';

/**
 * These tests are the only ones of the run with the default name, `mirror`, which a node has only once: they are in one
 * file, so that they run one after the other.
 */
const ifname = '--ifname=mirror';
const toNodeB = ['--pod=web', '--mirrortype=both', '--dest-node=node-b', '--vxlan-id=100', ifname];
const toNodeA = ['--pod=web', '--dest-node=node-a', ifname];
const datagrams = ['first', 'second', 'third'];
const fivePings = [1, 2, 3, 4, 5];
const tcpBytes = 20_000;

test('the example works as it is typed', async ({ sandbox }) => {
  await kubectl('delete', 'pod', 'web', '--ignore-not-found');
  await kubectlWith(podObject({ name: 'web', node: 'node-a' }), 'create');
  try {
    await kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=150s');
    const web = new Pod('default', 'web', 'node-a');
    const example = 'kokotap --pod=web --mirrortype=both --dest-node=node-b --vxlan-id=100';
    const before = await sandbox.snapshot(web);
    expect((await typed(`${example} | kubectl create -f -`)).stdout).toBe(
      'pod/kokotap-web-sender created\npod/kokotap-web-receiver-node-b created',
    );
    sandbox.watchTap(await tapIdOf('pod/kokotap-web-sender'));
    await kubectl(
      'wait',
      '--for=condition=Ready',
      'pod/kokotap-web-sender',
      'pod/kokotap-web-receiver-node-b',
      '--timeout=150s',
    );
    expect((await typed(`${example} | kubectl delete -f -`)).stdout).toMatch(
      /kokotap-web-receiver-node-b" deleted/,
    );
    expect(await sandbox.snapshot(web)).toEqual(before);
  } finally {
    await kubectl(
      'delete',
      'pod',
      'web',
      'kokotap-web-sender',
      'kokotap-web-receiver-node-b',
      '--ignore-not-found',
    );
  }
});

test('packets of every protocol are seen on the other node, each once', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const before = await sandbox.snapshot(web);
  const names = await sandbox.tap(...toNodeB);
  expect(names).toEqual(['kokotap-web-sender', 'kokotap-web-receiver-node-b']);
  await expectAllSeen('node-b', web, peer);
  await sandbox.untap(...toNodeB);
  expect(await sandbox.snapshot(web)).toEqual(before);
});

test("packets are seen on the target's own node, each once", async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const before = await sandbox.snapshot(web);
  await sandbox.tap(...toNodeA);
  await expectAllSeen('node-a', web, peer);
  await sandbox.untap(...toNodeA);
  expect(await sandbox.snapshot(web)).toEqual(before);
});

test.for([
  { direction: 'ingress', seen: 'reply', unseen: 'request' },
  { direction: 'egress', seen: 'request', unseen: 'reply' },
] as const)('only $direction: a ping shows its $seen', async ({ direction, seen, unseen }, { sandbox }) => {
  const { web, peer } = await pair(sandbox);
  await sandbox.tap('--pod=web', '--dest-node=node-b', `--mirrortype=${direction}`, ifname);
  const address = await peer.address();
  const packets = await captureOnNode('node-b', 'mirror', () => web.ping(address, 5));
  expect(pings(packets, seen)).toEqual(fivePings);
  expect(pings(packets, unseen)).toEqual([]);
});

test('a second tap with the name of a running one is refused and leaves the first alone', async ({
  sandbox,
}) => {
  const { web, peer } = await pair(sandbox);
  await sandbox.tap('--pod=web', '--dest-node=node-b', ifname);
  const second = await kokotap(['--pod=web', '--dest-node=node-a', `--namespace=${sandbox.namespace}`]);
  expect(second.stdout).toBe('');
  expect(second.stderr).toContain(
    'is of the tap to node/node-b: delete it first, or give this tap another --ifname',
  );
  const there = await peer.address();
  const packets = await captureOnNode('node-b', 'mirror', () => web.ping(there, 2));
  expect(pings(packets, 'request')).toEqual([1, 2]);
});

async function expectAllSeen(node: 'node-a' | 'node-b', web: Pod, peer: Pod): Promise<void> {
  const [here, there] = await Promise.all([web.address(), peer.address()]);
  const packets = await captureOnNode(node, 'mirror', async () => {
    await web.ping(there, 5);
    await web.sendTcp(there, tcpBytes);
    await web.sendUdp(there, datagrams);
  });
  expect(pings(packets, 'request')).toEqual(fivePings);
  expect(pings(packets, 'reply')).toEqual(fivePings);
  for (const [source, destination] of [
    [here, there],
    [there, here],
  ] as const) {
    expect(payloads(packets, 'udp', source, destination).map(String)).toEqual(datagrams);
    expect(bytesOf(packets, source, destination)).toBe(tcpBytes);
  }
}

/** The id of the tap that a pod of the namespace `default` belongs to. */
function tapIdOf(pod: string): Promise<string> {
  return kubectl('get', pod, '-o', String.raw`jsonpath={.metadata.labels.kokotap\.dev/tap}`);
}

/** The length of the TCP stream, when no packet is missing and none is seen twice. */
function bytesOf(packets: readonly Packet[], source: string, destination: string): number {
  return payloads(packets, 'tcp', source, destination).reduce((sum, { length }) => sum + length, 0);
}
