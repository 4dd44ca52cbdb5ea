import { expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { type NodeName, onNode, processesOnNode } from './support/lab.ts';
import { pings } from './support/packets.ts';
import { type Pod, snapshot } from './support/pod.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const threePings = [1, 2, 3];
const toNodeB = ['--pod=web', '--dest-node=node-b', '--vxlan-id=100'];

test.for([
  { role: 'sender', node: 'node-a' },
  { role: 'receiver', node: 'node-b' },
] as const)('a killed $role comes back and takes the tap over', async ({ role, node }, { sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const before = await snapshot(web);
  const names = await sandbox.tap(...toNodeB);
  const name = names.find((each) => each.includes(role)) ?? '';
  await signal('KILL', role, node, await sandbox.tapId(name));
  await until(
    'the container has been started again',
    async () => (await restarts(sandbox, name)) === '1 true',
  );
  await sandbox.ready(...names);
  await expectEachPingOnce(web, peer);
  await sandbox.untap(...toNodeB);
  expect(await snapshot(web)).toEqual(before);
});

test('a sender that vanished without a word does not keep the pod from being tapped anew', async ({
  sandbox,
}) => {
  const { web, peer } = await pair(sandbox);
  const before = await snapshot(web);
  const [sender = '', receiver = ''] = await sandbox.tap(...toNodeB);
  // A stopped process cannot take anything away when it is told to.
  await signal('STOP', 'sender', 'node-a', await sandbox.tapId(sender));
  await sandbox.kubectl('delete', 'pod', sender, '--grace-period=0', '--force');
  await sandbox.kubectl('delete', 'pod', receiver);
  expect(await web.inNetns('ip', '-brief', 'link', 'show', 'mirror')).toContain('mirror');
  await sandbox.tap(...toNodeB);
  await expectEachPingOnce(web, peer);
  await sandbox.untap(...toNodeB);
  expect(await snapshot(web)).toEqual(before);
});

test('the tap follows the target into a sandbox made anew', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const names = await sandbox.tap(...toNodeB);
  const netns = await web.netns();
  const startMs = performance.now();
  await web.script(`for process in $(grep -ls "$(cat "/proc/$pid/cgroup" | grep -o 'pod[-0-9a-f]*' | head -n 1)" /proc/[0-9]*/cgroup); do
    folder=\${process%/cgroup}
    [ "$(cat "$folder/comm")" != pause ] || kill -KILL "\${folder#/proc/}"
  done`);
  await until('the pod has a new network namespace with the tap in it', async () => {
    expect(await web.netns()).not.toBe(netns);
    return (await web.inNetns('ip', '-brief', 'link', 'show', 'mirror')).includes('mirror');
  });
  await until('the pod runs again', async () => (await web.exec('echo', 'there')) === 'there');
  await sandbox.ready('web', ...names);
  say(`tapped again ${((performance.now() - startMs) / 1000).toFixed(1)} s after the sandbox's end`);
  await expectEachPingOnce(web, peer);
});

/** Sends a signal to an agent on its node. */
async function signal(
  name: 'KILL' | 'STOP',
  role: 'sender' | 'receiver',
  node: NodeName,
  tapId: string,
): Promise<void> {
  const [pid = ''] = await processesOnNode(node, `kokotap-agent ${role} --tap-id=${tapId}`);
  await onNode(node, 'kill', `-${name}`, pid);
}

/** How often the agent's container was started again, and whether it is ready. */
function restarts(sandbox: Sandbox, name: string): Promise<string> {
  const status = '.status.containerStatuses[0]';
  return sandbox.kubectl('get', 'pod', name, '-o', `jsonpath={${status}.restartCount} {${status}.ready}`);
}

async function expectEachPingOnce(web: Pod, peer: Pod): Promise<void> {
  const there = await peer.address();
  const packets = await captureOnNode('node-b', 'mirror', () => web.ping(there, 3));
  expect(pings(packets, 'request')).toEqual(threePings);
  expect(pings(packets, 'reply')).toEqual(threePings);
}

function say(text: string): void {
  process.stderr.write(`cluster tests: ${text}\n`);
}
