import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { parseReceiver, parseSender } from '#src/spec/endpoint.ts';
import { type Tap, tapSchema } from '#src/spec/tap.ts';
import { manifests as manifestsOf, type PodManifest, type Whereabouts } from '#src/pods/manifests.ts';

const TAP: Tap = z.parse(tapSchema, { pod: 'web', destination: { node: 'node-b' } });
const WHEREABOUTS: Whereabouts = {
  podUid: 'uid',
  hostNetwork: false,
  podNode: 'node-a',
  appArmor: 'field',
  path: {
    kind: 'vxlan',
    vni: 5,
    port: 4789,
    addresses: { local: { family: 'IPv4', text: '10.0.0.1' }, remote: { family: 'IPv4', text: '10.0.0.2' } },
  },
  destination: { node: 'node-b', appArmor: 'field', podUid: undefined },
};

function manifests(changes: Partial<Tap> = {}, whereabouts: Partial<Whereabouts> = {}): PodManifest[] {
  return manifestsOf({ ...TAP, ...changes }, { ...WHEREABOUTS, ...whereabouts });
}

/** What the two agents read. */
function documents(pods: readonly PodManifest[]) {
  const [sender, receiver] = pods.map(({ spec }) => spec.containers[0]?.args ?? []);
  expect([sender?.[0], receiver?.[0]]).toEqual(['sender', 'receiver']);
  return { sender: parseSender(sender?.[1] ?? ''), receiver: parseReceiver(receiver?.[1] ?? '') };
}

test('the ends of the path are mirrored in the two pods', () => {
  const { sender, receiver } = documents(manifests());
  const path = { kind: 'vxlan', vni: 5, port: 4789 };
  expect(sender.path).toEqual({ ...path, local: '10.0.0.1', remote: '10.0.0.2' });
  expect(receiver.path).toEqual({ ...path, local: '10.0.0.2', remote: '10.0.0.1' });
});

/** At which port each of the two agents serves metrics. */
function ports(pods: readonly PodManifest[]) {
  return Object.values(documents(pods)).map(({ metricsPort }) => metricsPort);
}

test('of one node only the sender serves metrics, for both ends have one loopback', () => {
  expect(ports(manifests({ metricsPort: 9400 }))).toEqual([9400, 9400]);
  expect(ports(manifests({ metricsPort: 9400 }, { path: { kind: 'same-node' } }))).toEqual([9400, undefined]);
});

test('a sender without the UID of a pod taps no node unless it is told to', () => {
  const [sender] = manifests();
  const { podUid, ...lost } = JSON.parse(sender?.spec.containers[0]?.args[1] ?? '');
  expect(podUid).toBe('uid');
  expect(() => parseSender(JSON.stringify(lost))).toThrow('either the UID of a pod or hostNetwork');
});

test('the kubelet replaces nothing in what an agent is given', () => {
  const filter = 'host $(HOME) or $$';
  const pods = manifests({ filter });
  expect(pods[0]?.spec.containers[0]?.args[1]).not.toContain('$');
  expect(documents(pods).sender.filter).toBe(filter);
});

test('the receiver has less rights than the sender', () => {
  const [sender, receiver] = manifests().map(({ spec }) => spec);
  expect(sender).toMatchObject({ hostPID: true, hostNetwork: true });
  expect(receiver).toMatchObject({ hostNetwork: true });
  expect(receiver).not.toHaveProperty('hostPID');
  expect(receiver?.containers[0]?.securityContext.capabilities).toEqual({
    drop: ['ALL'],
    add: ['NET_ADMIN'],
  });
  expect(receiver?.containers[0]?.securityContext).not.toHaveProperty('appArmorProfile');
});

const intoPod = {
  tap: { destination: { pod: 'suricata', namespace: 'tools' } },
  whereabouts: { destination: { node: 'node-b', appArmor: 'annotation', podUid: 'tool-uid' } },
} as const;

test('a receiver whose end is in a pod has the rights to enter it, and knows which it is', () => {
  const pods = manifests(intoPod.tap, intoPod.whereabouts);
  const [sender, receiver] = pods;
  expect(receiver?.metadata.name).toBe('kokotap-web-receiver-suricata');
  expect(receiver?.spec).toMatchObject({ nodeName: 'node-b', hostPID: true });
  expect(receiver?.spec).not.toHaveProperty('shareProcessNamespace');
  expect(receiver?.spec.containers[0]?.securityContext.capabilities).toEqual(
    sender?.spec.containers[0]?.securityContext.capabilities,
  );
  expect(receiver?.metadata.annotations).toHaveProperty(
    ['container.apparmor.security.beta.kubernetes.io/agent'],
    'unconfined',
  );
  const given = documents(pods);
  const pod = { uid: 'tool-uid', name: 'suricata', namespace: 'tools' };
  expect(given.receiver).toMatchObject({ destinationPod: pod, tapNamespace: 'default' });
  expect(given.sender).not.toHaveProperty('destinationPod');
});

test('on the same node the sender makes the end that is in a pod', () => {
  const sameNode = { ...intoPod.whereabouts, path: { kind: 'same-node' } } as const;
  const { sender, receiver } = documents(manifests(intoPod.tap, sameNode));
  expect(sender.destinationPod).toEqual(receiver.destinationPod);
  expect(sender.destinationPod).toMatchObject({ uid: 'tool-uid' });
});

test('a sender over a network makes no end in another pod', () => {
  const [sender] = manifests();
  const document = JSON.parse(sender?.spec.containers[0]?.args[1] ?? '');
  const destinationPod = { uid: 'u', name: 'n', namespace: 'd' };
  expect(() => parseSender(JSON.stringify({ ...document, destinationPod }))).toThrow(
    "only a sender on the same node as its peer makes the peer's end",
  );
});

test('AppArmor leaves the sender alone, by way of the field or of what older kubelets read', () => {
  const annotation = 'container.apparmor.security.beta.kubernetes.io/agent';
  const [byField] = manifests();
  expect(byField?.spec.containers[0]?.securityContext).toHaveProperty('appArmorProfile', {
    type: 'Unconfined',
  });
  expect(byField?.metadata.annotations).not.toHaveProperty([annotation]);
  const [byAnnotation, receiver] = manifests({}, { appArmor: 'annotation' });
  expect(byAnnotation?.spec.containers[0]?.securityContext).not.toHaveProperty('appArmorProfile');
  expect(byAnnotation?.metadata.annotations).toHaveProperty([annotation], 'unconfined');
  expect(receiver?.metadata.annotations).not.toHaveProperty([annotation]);
});

test("no pod is privileged, sees the node's files or has a way to the API", () => {
  for (const { spec } of manifests()) {
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
  const [sender] = manifests();
  const [changed] = manifests({ direction: 'egress', durationSeconds: 60, image: 'other' });
  expect(changed?.metadata).toEqual(sender?.metadata);
  expect(changed?.spec).toMatchObject({ activeDeadlineSeconds: 60 });
});

test('a target with the longest names makes labels that Kubernetes takes', () => {
  for (const { metadata } of manifests({ pod: 'p'.repeat(253), namespace: 'n'.repeat(63) })) {
    for (const value of Object.values(metadata.labels)) {
      expect(value).toMatch(/^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/u);
    }
  }
});

test.each([
  ['localhost/kokotap:1.2.3', 'Never'],
  ['localhost:5000/kokotap', 'IfNotPresent'],
  ['registry.example/localhost/kokotap', 'IfNotPresent'],
])('image %s is pulled: %s', (image, policy) => {
  expect(manifests({ image }).map(({ spec }) => spec.containers[0]?.imagePullPolicy)).toEqual([
    policy,
    policy,
  ]);
});

test('nothing of a pod keeps its node from being drained and removed, but that it has no controller', () => {
  for (const { metadata, spec } of manifests()) {
    expect(metadata.annotations).toMatchObject({ 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' });
    expect(spec).not.toHaveProperty('volumes');
  }
});

test('both pods get the resources asked for', () => {
  for (const { spec } of manifests({ requests: { cpu: '100m' }, limits: { memory: '256Mi' } }))
    expect(spec.containers[0]?.resources).toEqual({
      requests: { cpu: '100m', memory: '64Mi' },
      limits: { cpu: '500m', memory: '256Mi' },
    });
});
