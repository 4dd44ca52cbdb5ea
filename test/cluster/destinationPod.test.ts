import { describe, expect } from 'vitest';
import { kokotap, type NodeName, nextTo, runtimes, scriptOnNode } from './support/lab.ts';
import type { Pod } from './support/pod.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const pings = 5;

describe.each(runtimes)('$runtime', ({ node }) => {
  test.for([
    ['of another node', nextTo(node)],
    ['of its own node', node],
  ] as const)('a tool pod sees the packets of a pod %s', async ([, webNode], { sandbox }) => {
    const { web, tool } = await startPods(sandbox, webNode, node);
    const before = await sandbox.snapshot(web, tool);
    const line = ['--pod=web', '--dest-pod=suricata'];
    await sandbox.tap(...line);
    await expectSeen(sandbox, web, tool);
    await sandbox.untap(...line);
    expect(await sandbox.snapshot(web, tool)).toEqual(before);
  });

  test('a tool pod gets its mirror anew with its sandbox, and nothing stays when it is deleted', async ({
    sandbox,
  }) => {
    const { web, tool } = await startPods(sandbox, nextTo(node), node);
    const names = await sandbox.tap('--pod=web', '--dest-pod=suricata');
    await scriptOnNode(
      node,
      'stop-sandbox "$(</opt/lab/runtime/endpoint)" "$1"',
      await tool.field('.metadata.uid'),
    );
    await until('the pod runs again', async () => Number(await restarts(tool)) > 0, 150_000);
    await until('the new sandbox has the mirror', async () =>
      (await tool.inNetns('ip', '-brief', 'link')).includes(sandbox.ifname),
    );
    await sandbox.ready('suricata', ...names);
    await expectSeen(sandbox, web, tool);
    await sandbox.delete('pods', 'suricata');
    const receiver = names.find((name) => name.endsWith('-receiver-suricata')) ?? '';
    await until('the receiver says that the pod is gone', async () =>
      (await sandbox.logs(receiver)).includes('which this node does not have'),
    );
    const { stdout, stderr } = await kokotap(lineOf(sandbox));
    expect(stderr).toContain('There is no pod "suricata"');
    expect(stdout).toContain(receiver);
    await sandbox.untap('--pod=web', '--dest-pod=suricata');
    expect(await sandbox.traces()).toEqual([]);
  });
});

test('a tool pod in the network of its node is refused', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  await sandbox.createPod({ name: 'suricata', node: 'node-b', spec: { hostNetwork: true, ...quiet } });
  await sandbox.ready('suricata');
  const { exitCode, stdout, stderr } = await kokotap(lineOf(sandbox));
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toContain('(hostNetwork): give --dest-node=node-b instead of --dest-pod');
});

/** It opens no port of the node. */
const quiet = {
  containers: [{ name: 'main', image: 'localhost/kokotap-lab-tools:1', command: ['sleep', 'infinity'] }],
};

function lineOf(sandbox: Sandbox): string[] {
  return ['--pod=web', '--dest-pod=suricata', '-n', sandbox.namespace, `--ifname=${sandbox.ifname}`];
}

async function startPods(sandbox: Sandbox, webNode: NodeName, toolNode: NodeName) {
  const [web, tool] = await Promise.all([
    sandbox.startPod({ name: 'web', node: webNode }),
    sandbox.startPod({ name: 'suricata', node: toolNode }),
  ]);
  return { web, tool };
}

/** A capture in the tool pod, by its own tcpdump, has each ping of the tapped pod and each reply once. */
async function expectSeen(sandbox: Sandbox, web: Pod, tool: Pod): Promise<void> {
  const there = await web.address(); // a pod can ping itself only by lo
  const gateway = (await web.inNetns('ip', 'route', 'show', 'default')).split(' ')[2] ?? '';
  await tool.exec('bash', '-c', capture, 'bash', sandbox.ifname);
  await web.ping(gateway, pings);
  const seen = await tool.exec('bash', '-c', stopCapture);
  const lines = (kind: string) => seen.split('\n').filter((line) => line.includes(`echo ${kind}`));
  expect(lines('request').filter((line) => line.includes(`IP ${there} > ${gateway}:`))).toHaveLength(pings);
  expect(lines('reply').filter((line) => line.includes(`IP ${gateway} > ${there}:`))).toHaveLength(pings);
}

/** Returns when it listens. */
const capture = `tcpdump --immediate-mode -Z root -lni "$1" icmp >/tmp/seen 2>/tmp/said </dev/null & echo $! >/tmp/pid
  for try in {1..100}; do ! grep -q 'listening on' /tmp/said || exit 0; sleep 0.1; done; cat /tmp/said >&2; exit 1`;
const stopCapture = 'sleep 1; kill -INT "$(</tmp/pid)"; sleep 1; cat /tmp/seen';

async function restarts(pod: Pod): Promise<string> {
  return pod.field('.status.containerStatuses[0].restartCount');
}
