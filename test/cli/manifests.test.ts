import { expect, test } from 'vitest';
import { startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';
import { documentOf, tapManifest } from './support/tapManifest.ts';

const cluster = {
  objects: [
    pod('centos'),
    pod('elsewhere', { namespace: 'team' }),
    pod('host', { spec: { hostNetwork: true } }),
    node('node-a', ['10.0.0.1', 'fd00::1']),
    node('kube-master', ['fd00::2', '10.0.0.2']),
    node('only-v6.example.org', ['fd00:0:0::3']),
  ],
};

test("the README's example", async () => {
  await using api = await startFakeApi(cluster);
  const { exitCode, stdout, stderr } = await commandAt(api.url, [
    '--pod=centos',
    '--mirrortype=both',
    '--dest-node=kube-master',
    '--vxlan-id=100',
  ]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const tap = { id: '1b718cdae840', destination: 'node/kube-master', labels: { 'kokotap.dev/vni': '100' } };
  expect(documents(stdout)).toEqual([
    tapManifest(tap, 'sender', 'kokotap-centos-sender', 'node-a', {
      kind: 'Sender',
      pod: 'centos',
      namespace: 'default',
      hostNetwork: false,
      podUid: 'uid-of-centos',
      interfaces: ['eth0'],
      direction: 'both',
      mirrorInterface: 'mirror',
      path: { kind: 'vxlan', vni: 100, port: 4789, local: '10.0.0.1', remote: '10.0.0.2' },
      externalPeer: false,
    }),
    tapManifest(tap, 'receiver', 'kokotap-centos-receiver-kube-master', 'kube-master', {
      kind: 'Receiver',
      mirrorInterface: 'mirror',
      path: { kind: 'vxlan', vni: 100, port: 4789, local: '10.0.0.2', remote: '10.0.0.1' },
    }),
  ]);
  expect(api.requests.toSorted()).toEqual([
    '/api/v1/namespaces/default/pods/centos',
    '/api/v1/namespaces/default/pods/kokotap-centos-sender',
    '/api/v1/nodes/kube-master',
    '/api/v1/nodes/node-a',
    '/apis/policy/v1/namespaces/default/poddisruptionbudgets',
  ]);
});

test('the same line prints the same bytes', async () => {
  await using api = await startFakeApi(cluster);
  const line = ['--pod=centos', '--dest-node=kube-master'];
  const [first, second] = [await commandAt(api.url, line), await commandAt(api.url, line)];
  expect(first.stdout).not.toBe('');
  expect(second).toEqual(first);
});

test('a destination on the node of the pod needs no VXLAN, and no list of VNIs', async () => {
  await using api = await startFakeApi(cluster);
  const { stdout } = await commandAt(api.url, ['--pod=centos', '--dest-node=node-a', '--mirrortype=egress']);
  const tap = { id: '2f11da0b9fb3', destination: 'node/node-a', labels: {} };
  expect(documents(stdout)).toEqual([
    tapManifest(tap, 'sender', 'kokotap-centos-sender', 'node-a', {
      kind: 'Sender',
      pod: 'centos',
      namespace: 'default',
      hostNetwork: false,
      podUid: 'uid-of-centos',
      interfaces: ['eth0'],
      direction: 'egress',
      mirrorInterface: 'mirror',
      path: { kind: 'same-node' },
      externalPeer: false,
    }),
    tapManifest(tap, 'receiver', 'kokotap-centos-receiver-node-a', 'node-a', {
      kind: 'Receiver',
      mirrorInterface: 'mirror',
      path: { kind: 'same-node' },
    }),
  ]);
  expect(api.requests).toHaveLength(4);
});

test('a destination outside the cluster gets the sender only', async () => {
  await using api = await startFakeApi(cluster);
  const { stdout } = await commandAt(api.url, [
    '--pod=centos',
    '--dest-ip=192.0.2.7',
    '--vxlan-id=7',
    '--vxlan-port=8472',
  ]);
  expect(documents(stdout)).toEqual([
    expect.objectContaining({
      metadata: expect.objectContaining({
        name: 'kokotap-centos-sender',
        annotations: expect.objectContaining({ 'kokotap.dev/destination': 'ip/192.0.2.7' }),
      }),
    }),
  ]);
  expect(documentOf(documents(stdout)[0])).toMatchObject({
    path: { kind: 'vxlan', vni: 7, port: 8472, local: '10.0.0.1', remote: '192.0.2.7' },
    externalPeer: true,
  });
});

test.each([
  ['--dest-ip=2001:DB8:0:0::7', 'fd00::1', '2001:db8::7'],
  ['--dest-ip=::ffff:192.0.2.7', '10.0.0.1', '192.0.2.7'],
  ['--dest-node=only-v6.example.org', 'fd00::1', 'fd00::3'],
])('%s goes from %s to %s', async (destination, local, remote) => {
  await using api = await startFakeApi(cluster);
  const { stdout } = await commandAt(api.url, ['--pod=centos', destination, '--vxlan-id=7']);
  expect(documentOf(documents(stdout)[0])).toMatchObject({ path: { local, remote } });
});

test('a node name with dots stays as it is', async () => {
  await using api = await startFakeApi(cluster);
  const { stdout } = await commandAt(api.url, ['--pod=centos', '--dest-node=only-v6.example.org']);
  expect(documents(stdout)[1]).toMatchObject({
    metadata: { name: 'kokotap-centos-receiver-only-v6.example.org' },
    spec: { nodeName: 'only-v6.example.org' },
  });
});

test('a target in another namespace than the tap gets names with a hash', async () => {
  await using api = await startFakeApi(cluster);
  const { stdout } = await commandAt(api.url, [
    '--pod=elsewhere',
    '-n=team',
    '--tap-namespace=taps',
    '--dest-node=kube-master',
  ]);
  expect(documents(stdout)).toMatchObject([
    {
      metadata: {
        name: expect.stringMatching(/^kokotap-elsewhere-[0-9a-f]{10}-sender$/u),
        namespace: 'taps',
      },
    },
    {
      metadata: {
        name: expect.stringMatching(/^kokotap-elsewhere-[0-9a-f]{10}-receiver-kube-master$/u),
        namespace: 'taps',
        annotations: { 'kokotap.dev/target': 'pod/team/elsewhere' },
      },
    },
  ]);
});

test.for(['v1.24.17', 'v1.29.9-eks-a', 'v1.30.0', 'v2.0.0', ''])(
  'a kubelet %s hears of AppArmor in the way it knows',
  async (kubeletVersion) => {
    const only = node('node-a', ['10.0.0.1'], { kubeletVersion });
    await using api = await startFakeApi({ objects: [pod('centos'), only] });
    for (const dest of ['--dest-node=node-a', '--dest-ip=192.0.2.9']) {
      const { stdout } = await commandAt(api.url, ['--pod=centos', dest]);
      const old = kubeletVersion.startsWith('v1.2');
      expect(stdout.includes('appArmorProfile:')).toBe(!old);
      expect(stdout.includes('container.apparmor.security.beta.kubernetes.io/agent: unconfined')).toBe(old);
    }
  },
);

const HASH = { 'kubernetes.io/config.hash': 'abc' };
const MIRROR = { 'kubernetes.io/config.mirror': 'abc' };

test.each([
  ['a static pod', { ...MIRROR, ...HASH }, { kind: 'Node', name: 'node-a' }, 'abc'],
  ['a static pod without a hash', MIRROR, { kind: 'Node', name: 'node-a' }, 'uid-of-kube-proxy'],
  ['no static pod', HASH, { kind: 'Node', name: 'node-a' }, 'uid-of-kube-proxy'],
  [
    'a pod that only says to be static',
    { ...MIRROR, ...HASH },
    { kind: 'ReplicaSet', name: 'node-a' },
    'uid-of-kube-proxy',
  ],
  [
    'a pod that another node owns',
    { ...MIRROR, ...HASH },
    { kind: 'Node', name: 'node-b' },
    'uid-of-kube-proxy',
  ],
  ['a pod that nothing owns', { ...MIRROR, ...HASH }, undefined, 'uid-of-kube-proxy'],
])('%s is known to its node by its config hash, or by its UID', async (_, annotations, owner, uid) => {
  const ownerReferences = owner === undefined ? undefined : [owner];
  const objects = [...cluster.objects, pod('kube-proxy', { metadata: { annotations, ownerReferences } })];
  await using api = await startFakeApi({ objects });
  const { stdout } = await commandAt(api.url, ['--pod=kube-proxy', '--dest-node=kube-master']);
  expect(documentOf(documents(stdout)[0])).toMatchObject({ podUid: uid });
});

test.each([['--dest-node=kube-master'], ['--dest-ip=192.0.2.7']])(
  'the sender of a pod with hostNetwork is told so, %s',
  async (destination) => {
    await using api = await startFakeApi(cluster);
    const { stdout, stderr } = await commandAt(api.url, ['--pod=host', destination, '--vxlan-id=7']);
    expect(stderr).toBe('');
    const document = documentOf(documents(stdout)[0]);
    expect(document).toMatchObject({ interfaces: ['eth0'], path: { port: 4789 } });
    expect(document).toHaveProperty('hostNetwork', true);
    expect(document).not.toHaveProperty('podUid');
  },
);

test('both pods pull their image with the Secret that is named, or with none', async () => {
  await using api = await startFakeApi(cluster);
  const line = ['--pod=centos', '--dest-node=kube-master'];
  const named = await commandAt(api.url, [...line, '--image-pull-secret=registry.team']);
  const spec = { imagePullSecrets: [{ name: 'registry.team' }] };
  expect(documents(named.stdout)).toMatchObject([{ spec }, { spec }]);
  expect((await commandAt(api.url, line)).stdout).not.toContain('imagePullSecrets');
});

test('duration, image and interfaces', async () => {
  await using api = await startFakeApi(cluster);
  const { stdout } = await commandAt(api.url, [
    '--pod=centos',
    '--dest-node=kube-master',
    '--duration=1h30m',
    '--image=registry.example/kokotap:2',
    '--pod-ifname=net1,lo',
    '--dest-ifname=tap0',
    '--pod-container=main',
    '--filter=tcp port 80 and host 10.0.0.7',
    '--snaplen=128',
    '--sample=1/100',
    '--max-rate=200mbit',
    '--metrics-port=9400',
    '--requests=cpu=100m',
    '--limits=cpu=200m,ephemeral-storage=1Mi',
  ]);
  const resources = {
    requests: { cpu: '100m', memory: '64Mi' },
    limits: { cpu: '200m', memory: '128Mi', 'ephemeral-storage': '1Mi' },
  };
  const containers = [{ image: 'registry.example/kokotap:2', resources }];
  const spec = { activeDeadlineSeconds: 5400, containers };
  const metadata = { annotations: { 'kokotap.dev/target-interface': 'net1,lo' } };
  expect(documents(stdout)).toMatchObject([
    { metadata, spec },
    { metadata, spec },
  ]);
  expect(documentOf(documents(stdout)[0])).toMatchObject({
    interfaces: ['net1', 'lo'],
    mirrorInterface: 'tap0',
    filter: 'tcp port 80 and host 10.0.0.7',
    snapLengthBytes: 128,
    sampleOneIn: 100,
    maxBytesPerSecond: 25_000_000,
    metricsPort: 9400,
  });
  expect(documentOf(documents(stdout)[1])).toMatchObject({ mirrorInterface: 'tap0', metricsPort: 9400 });
});
