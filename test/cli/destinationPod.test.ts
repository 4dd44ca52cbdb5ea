import { expect, test } from 'vitest';
import { startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';
import { documentOf } from './support/tapManifest.ts';

const TOOL = 'Pod "suricata" in namespace "tools"';
const toTool = ['--dest-pod=suricata', '--dest-namespace=tools', '--vxlan-id=5'];

const nodes = [
  node('node-a', ['10.0.0.1']),
  node('node-b', ['10.0.0.2'], { kubeletVersion: 'v1.24.0' }),
  node('windows', ['10.0.0.3'], { nodeInfo: { operatingSystem: 'windows' } }),
];

function tool(settings: Parameters<typeof pod>[1] = {}) {
  return pod('suricata', { namespace: 'tools', node: 'node-b', ...settings });
}

async function run(others: readonly ReturnType<typeof pod>[], ...args: readonly string[]) {
  await using api = await startFakeApi({
    objects: [pod('web'), pod('host', { spec: { hostNetwork: true } }), ...nodes, ...others],
    namespaces: ['default', 'tools'],
  });
  return await commandAt(api.url, [...(args.length > 0 ? args : ['--pod=web']), ...toTool]);
}

test("the node of the destination pod gets the receiver, which is told the pod's UID", async () => {
  const { stdout, stderr } = await run([tool()]);
  expect(stderr).toBe('');
  const [sender, receiver] = documents(stdout);
  expect(sender).toMatchObject({
    metadata: { annotations: { 'kokotap.dev/destination': 'pod/tools/suricata' } },
  });
  expect(receiver).toMatchObject({
    metadata: {
      name: 'kokotap-web-receiver-suricata',
      namespace: 'default',
      annotations: { 'container.apparmor.security.beta.kubernetes.io/agent': 'unconfined' },
    },
    spec: { nodeName: 'node-b', hostPID: true },
  });
  expect(documentOf(sender)).not.toHaveProperty('destinationPod');
  expect(documentOf(receiver)).toMatchObject({
    path: { kind: 'vxlan', vni: 5, local: '10.0.0.2', remote: '10.0.0.1' },
    destinationPod: { uid: 'uid-of-suricata', name: 'suricata', namespace: 'tools' },
  });
});

test('on the node of the target both agents are told of it', async () => {
  const { stdout } = await run([tool({ node: 'node-a' })]);
  for (const manifest of documents(stdout))
    expect(documentOf(manifest)).toMatchObject({
      path: { kind: 'same-node' },
      destinationPod: { uid: 'uid-of-suricata' },
    });
});

test.each([
  ['gone', [], 'There is no pod "suricata" in namespace "tools"; see: kubectl get pods -n tools'],
  [
    'not scheduled',
    [tool({ node: undefined, phase: 'Pending' })],
    `${TOOL} is not running yet (phase Pending): wait until it is, then try again`,
  ],
  ['finished', [tool({ phase: 'Failed' })], `${TOOL} has finished (phase Failed): name a running --dest-pod`],
  [
    'in the network of its node',
    [tool({ spec: { nodeName: 'node-b', hostNetwork: true } })],
    `${TOOL} uses the network of its node "node-b" (hostNetwork): give --dest-node=node-b instead of --dest-pod`,
  ],
  [
    'of another operating system',
    [tool({ node: 'windows' })],
    'Node "windows" runs "windows", and a tap needs Linux: choose another node',
  ],
])('a destination pod that is %s is refused', async (_, others, message) => {
  expect(await run(others)).toEqual({ exitCode: 1, stdout: '', stderr: `kokotap: ${message}\n` });
});

test("the copies of a node's packets do not go to a pod on it", async () => {
  const { stderr } = await run([tool({ node: 'node-a' })], '--pod=host');
  expect(stderr).toBe(
    'kokotap: Pod "host" in namespace "default" uses the network of its node "node-a" (hostNetwork), and --dest-pod is on that node too: name a pod on another node, or capture on the node itself\n',
  );
  expect((await run([tool()], '--pod=host')).exitCode).toBe(0);
});

test('a destination pod that is being deleted is warned of', async () => {
  const { exitCode, stderr } = await run([tool({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })]);
  expect(exitCode).toBe(0);
  expect(stderr).toBe(`kokotap: warning: ${TOOL} is being deleted: the mirror will end with it\n`);
});

/** The pods of a tap as the cluster has them once they are made. */
async function made() {
  const { stdout } = await run([tool()]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return documents(stdout) as ReturnType<typeof pod>[];
}

test('a tap to an earlier pod of that name is noticed', async () => {
  const pods = await made();
  expect((await run([tool(), ...pods])).stderr).toBe('');
  const { stderr } = await run([tool({ metadata: { uid: 'another' } }), ...pods]);
  expect(stderr).toMatch(/^kokotap: warning: The tap that is there is of an earlier pod "suricata", with/u);
});

test('a tap whose destination pod is gone can be deleted by the same line', async () => {
  const { exitCode, stdout, stderr } = await run(await made());
  expect(exitCode).toBe(0);
  expect(stderr).toContain('There is no pod "suricata" in namespace "tools"; these are the tap\'s pods');
  expect(documents(stdout)).toMatchObject([
    { metadata: { name: 'kokotap-web-sender' } },
    { metadata: { name: 'kokotap-web-receiver-suricata' } },
  ]);
});
