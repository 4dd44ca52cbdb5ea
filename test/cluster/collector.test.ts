import { expect } from 'vitest';
import { codeOf, textOf } from '../support/documents.ts';
import { captureOnNode } from './support/capture.ts';
import { onNode, scriptOnNode } from './support/lab.ts';
import { pings } from './support/packets.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';

/** What README's lines have, and what the lab has. */
const addresses = { '192.0.2.9': '10.100.0.200', '192.0.2.1': '10.100.0.11' };
const collector = addresses['192.0.2.9'];

test('a collector outside the cluster gets the copies, made as README types it', async ({ sandbox }) => {
  const { namespace, vni } = sandbox;
  const { web, peer } = await pair(sandbox);
  await plugIn(sandbox);
  const lines = codeOf(textOf('README.md')).filter((code) => code.startsWith('ip link '));
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    const own = Object.entries(addresses).reduce((text, [from, to]) => text.replace(from, to), line);
    await onNode(
      'control',
      'ip',
      'netns',
      'exec',
      namespace,
      'bash',
      '-ec',
      own.replace(' id 100 ', ` id ${vni} `),
    );
  }
  const before = await sandbox.snapshot(web);
  const args = ['--pod=web', `--dest-ip=${collector}`, `--vxlan-id=${vni}`];
  expect(await sandbox.tap(...args)).toEqual([expect.stringMatching(/^kokotap-web-.*sender$/u)]);
  const [here, there] = await Promise.all([web.address(), peer.address()]);
  const packets = await captureOnNode({ netns: namespace }, 'mirror', () => web.ping(there, 5));
  const own = packets.filter(({ source, destination }) => [source, destination].includes(here));
  expect(pings(own, 'request')).toEqual([1, 2, 3, 4, 5]);
  expect(pings(own, 'reply')).toEqual([1, 2, 3, 4, 5]);
  await sandbox.untap(...args);
  expect(await sandbox.snapshot(web)).toEqual(before);
});

/** Connects a network namespace of the sandbox's name to the underlay, as a machine outside the cluster. */
async function plugIn(sandbox: Sandbox): Promise<void> {
  const { namespace, ifname } = sandbox;
  sandbox.defer(() => onNode('control', 'ip', 'netns', 'delete', namespace));
  await scriptOnNode(
    'control',
    `ip netns add "$1"
    ip link add "$2" type veth peer name eth0 netns "$1"
    ip link set "$2" up master underlay
    ip -netns "$1" address add "$3/24" dev eth0
    ip -netns "$1" link set eth0 up`,
    namespace,
    ifname,
    collector,
  );
}
