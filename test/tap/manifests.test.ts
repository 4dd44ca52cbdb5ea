import { expect, test } from 'vitest';
import { manifests, type ResolvedTap } from '#src/tap/manifests.ts';

const TAP: ResolvedTap = {
  identity: {
    targetNamespace: 'default',
    pod: 'web',
    podIfname: 'eth0',
    destination: { kind: 'node', node: 'node-b' },
    ifname: 'mirror',
    tapNamespace: 'default',
  },
  podUid: 'uid',
  hostNetwork: false,
  podNode: 'node-a',
  appArmor: 'field',
  direction: 'both',
  filter: undefined,
  snaplenBytes: undefined,
  oneIn: undefined,
  maxBytesPerSecond: undefined,
  metricsPort: undefined,
  path: {
    kind: 'vxlan',
    vni: 5,
    port: 4789,
    addresses: { local: { family: 'IPv4', text: '10.0.0.1' }, remote: { family: 'IPv4', text: '10.0.0.2' } },
  },
  image: 'image',
  version: '1.2.3',
  durationSeconds: undefined,
  resources: { requests: {}, limits: {} },
};

test('the ends of the path are mirrored in the two pods', () => {
  expect(manifests(TAP).map(({ spec }) => spec.containers[0]?.args.slice(-4))).toEqual([
    ['--vni=5', '--vxlan-port=4789', '--local=10.0.0.1', '--remote=10.0.0.2'],
    ['--vni=5', '--vxlan-port=4789', '--local=10.0.0.2', '--remote=10.0.0.1'],
  ]);
});

test('of one node only the sender serves metrics, for both ends have one loopback', () => {
  const port = ['--metrics-port=9400'];
  expect(metricsArgs({ ...TAP, metricsPort: 9400 })).toEqual([port, port]);
  expect(metricsArgs({ ...TAP, metricsPort: 9400, path: { kind: 'same-node' } })).toEqual([port, []]);
});

test('the receiver has less rights than the sender', () => {
  const [sender, receiver] = manifests(TAP).map(({ spec }) => spec);
  expect(sender).toMatchObject({ hostPID: true, hostNetwork: true });
  expect(receiver).toMatchObject({ hostNetwork: true });
  expect(receiver).not.toHaveProperty('hostPID');
  expect(receiver?.containers[0]?.securityContext.capabilities).toEqual({
    drop: ['ALL'],
    add: ['NET_ADMIN'],
  });
  expect(receiver?.containers[0]?.securityContext).not.toHaveProperty('appArmorProfile');
});

test('AppArmor leaves the sender alone, by way of the field or of what older kubelets read', () => {
  const annotation = 'container.apparmor.security.beta.kubernetes.io/agent';
  const [byField] = manifests(TAP);
  expect(byField?.spec.containers[0]?.securityContext).toHaveProperty('appArmorProfile', {
    type: 'Unconfined',
  });
  expect(byField?.metadata.annotations).not.toHaveProperty([annotation]);
  const [byAnnotation, receiver] = manifests({ ...TAP, appArmor: 'annotation' });
  expect(byAnnotation?.spec.containers[0]?.securityContext).not.toHaveProperty('appArmorProfile');
  expect(byAnnotation?.metadata.annotations).toHaveProperty([annotation], 'unconfined');
  expect(receiver?.metadata.annotations).not.toHaveProperty([annotation]);
});

test("no pod is privileged, sees the node's files or has a way to the API", () => {
  for (const { spec } of manifests(TAP)) {
    expect(JSON.stringify(spec)).not.toMatch(/privileged|hostPath/u);
    expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(spec.containers[0]?.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
  }
});

test('settings of the tap do not change what the tap is', () => {
  const [sender] = manifests(TAP);
  const [changed] = manifests({ ...TAP, direction: 'egress', durationSeconds: 60, image: 'other' });
  expect(changed?.metadata).toEqual(sender?.metadata);
  expect(changed?.spec).toMatchObject({ activeDeadlineSeconds: 60 });
});

test('a target with the longest names makes labels that Kubernetes takes', () => {
  const identity = { ...TAP.identity, pod: 'p'.repeat(253), targetNamespace: 'n'.repeat(63) };
  for (const { metadata } of manifests({ ...TAP, identity })) {
    for (const value of Object.values(metadata.labels)) {
      expect(value).toMatch(/^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/u);
    }
  }
});

/** The pods' flags of the port for metrics. */
function metricsArgs(tap: ResolvedTap) {
  return manifests(tap).map(({ spec }) =>
    spec.containers[0]?.args.filter((arg) => arg.startsWith('--metrics-port')),
  );
}

test.each([
  ['localhost/kokotap:1.2.3', 'Never'],
  ['localhost:5000/kokotap', 'IfNotPresent'],
  ['registry.example/localhost/kokotap', 'IfNotPresent'],
])('image %s is pulled: %s', (image, policy) => {
  expect(manifests({ ...TAP, image }).map(({ spec }) => spec.containers[0]?.imagePullPolicy)).toEqual([
    policy,
    policy,
  ]);
});

test('nothing of a pod keeps its node from being drained and removed, but that it has no controller', () => {
  for (const { metadata, spec } of manifests(TAP)) {
    expect(metadata.annotations).toMatchObject({ 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' });
    expect(spec).not.toHaveProperty('volumes');
  }
});

test('both pods get the resources asked for', () => {
  const resources = { requests: { cpu: '100m' }, limits: { memory: '256Mi' } };
  for (const { spec } of manifests({ ...TAP, resources }))
    expect(spec.containers[0]?.resources).toEqual({
      requests: { cpu: '100m', memory: '64Mi' },
      limits: { cpu: '500m', memory: '256Mi' },
    });
});
