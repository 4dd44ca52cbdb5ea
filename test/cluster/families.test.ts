import { expect } from 'vitest';
import * as z from 'zod/mini';
import { api, pathOf } from './support/api.ts';
import { captureOnNode } from './support/capture.ts';
import { flowPort } from './support/flowProgram.ts';
import { families, familyOf, type NodeName, nextTo, onNode, runtimes } from './support/lab.ts';
import { type Packet, payloads, pings } from './support/packets.ts';
import { type Pod, podObject } from './support/pod.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const threePings = [1, 2, 3];
const texts = ['first', 'second', 'third'];

/**
 * Over every family that the lab has (LAB_NETWORK): the pod's packets are seen once, whichever family carries the copies.
 * The target, who it talks to and the destination are on three nodes.
 */
test.for(runtimes)('a pod of $runtime', async ({ node }, { sandbox }) => {
  const dest = nextTo(nextTo(node));
  const [web, peer] = await Promise.all([
    sandbox.startPod({ name: 'web', node }),
    sandbox.startPod({ name: 'peer', node: nextTo(node) }),
  ]);
  const [here, there] = await Promise.all([web.addresses(), peer.addresses()]);
  for (const found of [here, there, await nodeAddresses(node), await nodeAddresses(dest)])
    expect(found.map(familyOf)).toEqual(families);

  const before = await sandbox.snapshot(web);
  const args = ['--pod=web', `--dest-node=${dest}`];
  await sandbox.tap(...args);
  expect(await remoteOf(dest, sandbox.ifname)).toBe((await nodeAddresses(node))[0]);
  for (const [index, address] of here.entries()) {
    const packets = await captureOnNode(dest, sandbox.ifname, () => talk(peer, address));
    expectSeenOnce(packets, address, there[index] ?? '');
  }
  await sandbox.untap(...args);
  expect(await sandbox.snapshot(web)).toEqual(before);
});

test('a pod behind a Service', async ({ sandbox }) => {
  const peer = await sandbox.startPod({ name: 'peer', node: 'node-b' });
  const web = await startBehindService(sandbox);
  await sandbox.tap('--pod=web', '--dest-node=node-c');
  const [here, there] = await Promise.all([web.addresses(), peer.addresses()]);
  const services = (await sandbox.field('services', 'web', '.spec.clusterIPs[*]')).split(' ');
  expect(services.map(familyOf)).toEqual(families);
  for (const [index, address] of services.entries()) {
    await until('the Service answers', async () => {
      await peer.sendUdp(address, ['ready']);
      return true;
    });
    const packets = await captureOnNode('node-c', sandbox.ifname, () => peer.sendUdp(address, texts));
    // The node that the client is on has put the pod's address in the place of the Service's.
    expect(payloads(packets, 'udp', there[index] ?? '', here[index] ?? '').map(String)).toEqual(texts);
    expect(payloads(packets, 'udp', here[index] ?? '', there[index] ?? '').map(String)).toEqual(texts);
  }
});

async function talk(peer: Pod, address: string): Promise<void> {
  await peer.ping(address, threePings.length);
  await peer.sendUdp(address, texts);
}

function expectSeenOnce(packets: readonly Packet[], here: string, there: string): void {
  expect(pings(packets, 'request')).toEqual(threePings);
  expect(pings(packets, 'reply')).toEqual(threePings);
  expect(payloads(packets, 'udp', there, here).map(String)).toEqual(texts);
  expect(payloads(packets, 'udp', here, there).map(String)).toEqual(texts);
}

async function startBehindService(sandbox: Sandbox): Promise<Pod> {
  const { metadata, ...pod } = podObject({ name: 'web', node: 'node-a' });
  const labelled = { ...pod, metadata: { ...metadata, labels: { app: 'web' } } };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: {
      ipFamilyPolicy: 'PreferDualStack',
      selector: { app: 'web' },
      ports: [{ port: flowPort, protocol: 'UDP' }],
    },
  };
  for (const object of [labelled, service]) await sandbox.create(object);
  await sandbox.ready('web');
  return sandbox.pod('web', 'node-a');
}

const nodeSchema = z.object({
  status: z.object({ addresses: z.array(z.object({ type: z.string(), address: z.string() })) }),
});

/** The node's addresses on the underlay. */
async function nodeAddresses(node: NodeName): Promise<string[]> {
  const { status } = nodeSchema.parse(await api.get(pathOf('nodes', undefined, node)));
  return status.addresses.flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []));
}

/** Where the copies come from. */
async function remoteOf(node: NodeName, ifname: string): Promise<string> {
  const [link] = JSON.parse(await onNode(node, 'ip', '-json', '-details', 'link', 'show', ifname));
  const { remote, remote6 } = link.linkinfo.info_data;
  return remote ?? remote6;
}
