import { expect } from 'vitest';
import { kokotap, kubectl, kubectlWith } from './support/lab.ts';
import { type Sandbox, test } from './support/sandbox.ts';

/** What the API server says of every pod whose name has a dot. */
const dottedName = /^Warning: metadata\.name: this is used in the Pod's hostname/;

test('a node may have dots in its name, and the receiver keeps them', async ({ sandbox }) => {
  const name = `${sandbox.namespace}.example.com`;
  await kubectlWith(
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      status: { addresses: [{ type: 'InternalIP', address: '10.100.0.99' }] },
    },
    'create',
  );
  sandbox.defer(() => kubectl('delete', 'node', name));
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const made = await dryRun(sandbox, '--pod=web', `--dest-node=${name}`);
  expect(made).toEqual(['kokotap-web-sender', `kokotap-web-receiver-${name}`]);
});

const dotted = 'web.with.dots';
const long = `long-${'x'.repeat(50)}.${'y'.repeat(50)}.${'z'.repeat(40)}`;

test('the API server takes all that is printed, and warns of dotted names only', async ({ sandbox }) => {
  await Promise.all(
    ['web', dotted, long].map((name) =>
      sandbox.startPod({ name, node: 'node-a', spec: { hostname: 'short' } }),
    ),
  );
  const taps = [
    ['--pod=web', '--dest-node=node-b'],
    ['--pod=web', '--dest-node=node-a'],
    ['--pod=web', '--dest-ip=10.100.0.254', '--vxlan-port=8472'],
    ['--pod=web', '--dest-node=node-b', '--duration=30m', '--mirrortype=ingress'],
    ['--pod=web', '--dest-node=node-b', '--ifname=other'],
    ['--pod=web', '--dest-node=node-b', '--tap-namespace=default'],
    [`--pod=${dotted}`, '--dest-node=node-b'],
    [`--pod=${long}`, '--dest-node=node-b'],
  ];
  const names: string[] = [];
  for (const args of taps) names.push(...(await dryRun(sandbox, ...args)));
  // Those of the first tap come again with another destination or duration.
  expect([...new Set(names)]).toEqual([
    'kokotap-web-sender',
    'kokotap-web-receiver-node-b',
    'kokotap-web-receiver-node-a',
    expect.stringMatching(/^kokotap-web-[0-9a-f]{10}-sender$/),
    expect.stringMatching(/^kokotap-web-[0-9a-f]{10}-receiver-node-b$/),
    expect.stringMatching(/^kokotap-web-[0-9a-f]{10}-sender$/),
    expect.stringMatching(/^kokotap-web-[0-9a-f]{10}-receiver-node-b$/),
    `kokotap-${dotted}-sender`,
    `kokotap-${dotted}-receiver-node-b`,
    expect.stringMatching(/^kokotap-long-x+-y*-[0-9a-f]{10}-sender$/),
    expect.stringMatching(/^kokotap-long-x+-y*-[0-9a-f]{10}-receiver-node-b$/),
  ]);
});

/** Has the API server check a tap's manifests; the names of the pods. */
async function dryRun(sandbox: Sandbox, ...args: string[]): Promise<string[]> {
  const { stdout: manifests } = await kokotap(['-n', sandbox.namespace, ...args]);
  const { stdout, stderr } = await kubectlWith(manifests, 'create', '--dry-run=server');
  const warnings = stderr.split('\n').filter((line) => line !== '' && !dottedName.test(line));
  expect(warnings).toEqual([]);
  return [...stdout.matchAll(/^pod\/(\S+) created \(server dry run\)$/gm)].flatMap(([, name]) => name ?? []);
}
