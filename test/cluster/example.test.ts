import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { adminKubeconfig, kokotapProgram, kubectl, kubectlProgram, kubectlWith } from './support/lab.ts';
import { type Packet, payloads, pings } from './support/packets.ts';
import { Pod, podObject, snapshot } from './support/pod.ts';
import { pair, test } from './support/sandbox.ts';

const toNodeB = ['--pod=web', '--mirrortype=both', '--dest-node=node-b', '--vxlan-id=100'];
const toNodeA = ['--pod=web', '--dest-node=node-a'];
const datagrams = ['first', 'second', 'third'];
const fivePings = [1, 2, 3, 4, 5];
const tcpBytes = 20_000;

test('the example works as it is typed', async () => {
  await kubectl('delete', 'pod', 'web', '--ignore-not-found');
  await kubectlWith(podObject({ name: 'web', node: 'node-a' }), 'create');
  try {
    await kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=40s');
    const example = 'kokotap --pod=web --mirrortype=both --dest-node=node-b --vxlan-id=100';
    const before = await snapshot(new Pod('default', 'web', 'node-a'));
    expect(await typed(`${example} | kubectl create -f -`)).toBe(
      'pod/kokotap-web-sender created\npod/kokotap-web-receiver-node-b created',
    );
    await kubectl(
      'wait',
      '--for=condition=Ready',
      'pod/kokotap-web-sender',
      'pod/kokotap-web-receiver-node-b',
      '--timeout=40s',
    );
    expect(await typed(`${example} | kubectl delete -f -`)).toMatch(/kokotap-web-receiver-node-b" deleted/);
    expect(await snapshot(new Pod('default', 'web', 'node-a'))).toEqual(before);
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
  const before = await snapshot(web);
  const names = await sandbox.tap(...toNodeB);
  expect(names).toEqual(['kokotap-web-sender', 'kokotap-web-receiver-node-b']);
  await expectAllSeen('node-b', web, peer);
  await sandbox.untap(...toNodeB);
  expect(await snapshot(web)).toEqual(before);
});

test("packets are seen on the target's own node, each once", async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const before = await snapshot(web);
  await sandbox.tap(...toNodeA);
  await expectAllSeen('node-a', web, peer);
  await sandbox.untap(...toNodeA);
  expect(await snapshot(web)).toEqual(before);
});

test.for([
  { direction: 'ingress', seen: 'reply', unseen: 'request' },
  { direction: 'egress', seen: 'request', unseen: 'reply' },
] as const)('only $direction: a ping shows its $seen', async ({ direction, seen, unseen }, { sandbox }) => {
  const { web, peer } = await pair(sandbox);
  await sandbox.tap('--pod=web', '--dest-node=node-b', `--mirrortype=${direction}`);
  const address = await peer.address();
  const packets = await captureOnNode('node-b', 'mirror', () => web.ping(address, 5));
  expect(pings(packets, seen)).toEqual(fivePings);
  expect(pings(packets, unseen)).toEqual([]);
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

/** The length of the TCP stream, when no packet is missing and none is seen twice. */
function bytesOf(packets: readonly Packet[], source: string, destination: string): number {
  return payloads(packets, 'tcp', source, destination).reduce((sum, { length }) => sum + length, 0);
}

/** Runs a line as a user does who has kokotap and kubectl in the PATH. */
async function typed(line: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  try {
    const program = path.join(folder, 'kokotap');
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${kokotapProgram}" "$@"\n`);
    chmodSync(program, 0o755);
    const { stdout } = await execa('bash', ['-o', 'pipefail', '-c', line], {
      env: {
        PATH: `${folder}:${path.dirname(kubectlProgram)}:${process.env['PATH'] ?? ''}`,
        KUBECONFIG: adminKubeconfig,
      },
      timeout: 60_000,
    });
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
