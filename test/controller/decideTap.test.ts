import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endpointId } from '#src/controller/decide/endpoints.ts';
import { MOST_TARGETS } from '#src/controller/decide/targets.ts';
import { parseEndpointList } from '#src/spec/endpointList.ts';
import type { EndpointDocument } from '#src/spec/endpoint.ts';
import * as z from 'zod';
import { Cluster, ownNamespace } from './support/cluster.ts';

const toNodeB = {
  targets: { selector: { matchLabels: { app: 'web' } } },
  destination: { nodeName: 'node-1' },
};

/** The endpoints of a Tap's pods of a role, as their agents read them. */
function endpoints(cluster: Cluster, role: 'sender' | 'receiver', tapUid = 't1'): EndpointDocument[] {
  const kind = role === 'sender' ? 'Sender' : 'Receiver';
  const found: EndpointDocument[] = [];
  for (const pod of cluster.tapPods) {
    if (pod.tapUid !== tapUid || pod.role !== role || pod.isEnding) continue;
    const list = parseEndpointList(kind, pod.endpoints);
    expect(list.problems).toEqual([]);
    found.push(...list.endpoints.values());
  }
  return found;
}

function started(spec: object = toNodeB): Cluster {
  const cluster = new Cluster();
  for (const index of [0, 1, 2]) cluster.node(`node-${index}`, index);
  cluster.pod('default', 'web-1', 'u1', 'node-0');
  cluster.pod('default', 'web-2', 'u2', 'node-0');
  cluster.pod('default', 'web-3', 'u3', 'node-1');
  cluster.tap('t1', 'default', 'web', spec);
  cluster.settle();
  return cluster;
}

const verdict = (cluster: Cluster, type: string, uid = 't1') =>
  cluster.decisions.get(uid)?.status?.conditions?.find((each) => each.type === type);

describe('a Tap', () => {
  test('has a sender on each node of its targets and one receiver, which name each other', () => {
    const cluster = started();
    expect(cluster.tapPods.map(({ role, node }) => `${role} ${node}`).toSorted()).toEqual([
      'receiver node-1',
      'sender node-0',
      'sender node-1',
    ]);
    const [senders, receivers] = [endpoints(cluster, 'sender'), endpoints(cluster, 'receiver')];
    expect(senders.map(({ tapId }) => tapId).toSorted()).toEqual(
      ['u1', 'u2', 'u3'].map((uid) => endpointId('t1', uid)).toSorted(),
    );
    for (const { tapId, path } of senders) {
      const other = receivers.find((each) => each.tapId === tapId)?.path;
      const mirrored = path.kind === 'same-node' ? path : { ...path, local: path.remote, remote: path.local };
      expect(other).toEqual(mirrored);
    }
    cluster.step('t1');
    expect(cluster.decisions.get('t1')).toMatchObject({
      changes: [],
      status: { targets: { summary: '3/3' } },
    });
    expect(verdict(cluster, 'Ready')).toMatchObject({ status: 'True', reason: 'AllCopied' });
  });

  test('takes a pod in that has a node and no network yet, by the annotation only', () => {
    const cluster = started();
    cluster.pod('default', 'web-4', 'u4', 'node-0', { status: { phase: 'Pending' } });
    const changes = cluster.step('t1');
    expect(changes.map((change) => change.do)).toEqual(['set endpoints', 'set endpoints', 'apply VNI list']);
    expect(endpoints(cluster, 'sender').map((each) => ('podUid' in each ? each.podUid : ''))).toContain('u4');
  });

  test('leaves out pods of other namespaces, of the node network and without a node, and says so', () => {
    const cluster = started();
    cluster.pod('other', 'web-9', 'u9', 'node-0');
    cluster.pod('default', 'host', 'u5', 'node-0', { spec: { nodeName: 'node-0', hostNetwork: true } });
    cluster.pod('default', 'late', 'u6', undefined);
    cluster.settle();
    expect(endpoints(cluster, 'sender')).toHaveLength(3);
    expect(cluster.decisions.get('t1')?.status).toMatchObject({
      targets: { selected: 5, ready: 3, summary: '3/5' },
      failing: [
        { pod: 'host', reason: 'HostNetwork' },
        { pod: 'late', reason: 'NotScheduled' },
      ],
    });
  });

  test('does not believe a pod that says the UID of another one, unless its node owns it', () => {
    const cluster = started();
    const annotations = {
      'kokotap.dev/x': '',
      'kubernetes.io/config.mirror': 'x',
      'kubernetes.io/config.hash': 'u9',
    };
    const metadata = {
      name: 'liar',
      namespace: 'default',
      uid: 'u7',
      resourceVersion: '0',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web' },
      annotations,
    };
    cluster.pod('default', 'liar', 'u7', 'node-0', { metadata });
    cluster.settle();
    const uids = endpoints(cluster, 'sender').map((each) => ('podUid' in each ? each.podUid : ''));
    expect(uids).toContain('u7');
    expect(uids).not.toContain('u9');
  });

  test.each([
    ['Deployment', 'web', 'ReplicaSet', 'web-6c9d5', '6c9d5'],
    ['Deployment', 'w'.repeat(253), 'ReplicaSet', `${'w'.repeat(247)}-6c9d5`, '6c9d5'],
    ['ReplicaSet', 'web-6c9d5', 'ReplicaSet', 'web-6c9d5', '6c9d5'],
    ['StatefulSet', 'web', 'StatefulSet', 'web', undefined],
    ['DaemonSet', 'web', 'DaemonSet', 'web', undefined],
    ['Job', 'web', 'Job', 'web', undefined],
  ])('of a %s has the pods that this has made, and no others', (kind, name, ownerKind, ownerName, hash) => {
    const cluster = started({ targets: { ref: { kind, name } }, destination: { nodeName: 'node-1' } });
    expect(verdict(cluster, 'Ready')).toMatchObject({ reason: 'NoTargets' });
    const owner = { apiVersion: 'apps/v1', kind: ownerKind, name: ownerName, controller: true };
    const owned = (uid: string, reference: object) =>
      cluster.pod('default', uid, uid, 'node-0', {
        metadata: {
          name: uid,
          namespace: 'default',
          uid,
          resourceVersion: '0',
          creationTimestamp: '2026-01-01T00:00:00Z',
          labels: { app: 'other', ...(hash === undefined ? {} : { 'pod-template-hash': hash }) },
          ownerReferences: [reference],
        },
      });
    owned('own', owner);
    owned('of-another-name', { ...owner, name: `x${ownerName}` });
    owned('of-another-kind', { ...owner, kind: 'Node' });
    owned('of-another-group', { ...owner, apiVersion: 'apps.example.org/v1' });
    owned('of-no-controller', { ...owner, controller: false });
    cluster.settle();
    expect(cluster.decisions.get('t1')?.status?.targets).toMatchObject({ selected: 1 });
    expect(endpoints(cluster, 'sender')).toMatchObject([{ podUid: 'own' }]);
  });

  test('keeps an empty sender for a minute, and its receiver', () => {
    const cluster = started();
    cluster.removePod('u1');
    cluster.removePod('u2');
    cluster.settle();
    expect(cluster.tapPods.map(({ role, node }) => `${role} ${node}`)).toContain('sender node-0');
    expect(cluster.decisions.get('t1')?.againInMs).toBe(60_000);
    cluster.nowMs += 60_000;
    cluster.step('t1');
    cluster.kubelets();
    expect(cluster.tapPods.map(({ role, node }) => `${role} ${node}`).toSorted()).toEqual([
      'receiver node-1',
      'sender node-1',
    ]);
  });

  test('waits for its destination, and begins when it is there', () => {
    const cluster = started();
    cluster.removeNode('node-1');
    cluster.settle();
    expect(cluster.tapPods).toEqual([]);
    expect(verdict(cluster, 'Ready')).toMatchObject({ status: 'False', reason: 'DestinationNotFound' });
    cluster.node('node-1', 1);
    cluster.settle();
    expect(endpoints(cluster, 'receiver')).toHaveLength(3);
  });

  test('goes on unchanged when it is edited into what is not possible, and says what', () => {
    const cluster = started();
    const before = cluster.tapPods;
    cluster.tap('t1', 'default', 'web', { ...toNodeB, sample: '1/9999999' }, 2);
    cluster.settle();
    expect(cluster.tapPods).toEqual(before);
    expect(verdict(cluster, 'Accepted')).toMatchObject({ status: 'False', observedGeneration: 2 });
    expect(verdict(cluster, 'Accepted')?.message).toContain('spec.sample: give a whole number');
  });

  test('ends with its duration, which its pods keep by themselves, and goes after its time to live', () => {
    const cluster = started({ ...toNodeB, duration: '1m', ttlSecondsAfterFinished: 10 });
    const [pod] = cluster.tapPods;
    expect(cluster.manifest(pod?.name ?? '')?.spec).toMatchObject({ activeDeadlineSeconds: 60 });
    cluster.nowMs += 60_000;
    cluster.step('t1');
    cluster.kubelets();
    cluster.settle();
    expect(cluster.tapPods).toEqual([]);
    expect(verdict(cluster, 'Complete')).toMatchObject({ status: 'True' });
    cluster.nowMs += 10_000;
    cluster.step('t1');
    expect(cluster.world.tap('t1')).toBeUndefined();
  });

  test('has lists that fit into an annotation also for the most targets', () => {
    const cluster = started();
    for (let index = 0; index < MOST_TARGETS + 5; index++)
      cluster.pod(
        'default',
        `web-${'x'.repeat(200)}-${index}`,
        `uid-${index}-${'0'.repeat(30)}`,
        `node-${2 * (index % 2)}`,
      );
    cluster.settle();
    for (const pod of cluster.tapPods.filter(({ role }) => role === 'receiver'))
      expect(pod.endpoints.length).toBeLessThan(250_000);
    // A ConfigMap has up to 1 MiB.
    for (const { text } of cluster.vniLists) expect(text.length).toBeLessThan(500_000);
    expect(endpoints(cluster, 'receiver')).toHaveLength(MOST_TARGETS);
    expect(cluster.decisions.get('t1')?.status?.failing).toHaveLength(8);
  });

  test('brings the copies into a pod of its namespace, wherever that goes, and leaves that one out', () => {
    const cluster = started({ targets: { selector: {} }, destination: { podRef: { name: 'tool' } } });
    expect(verdict(cluster, 'Ready')).toMatchObject({ reason: 'DestinationNotFound' });
    for (const [uid, node] of [
      ['tool-1', 'node-1'],
      ['tool-2', 'node-2'],
    ] as const) {
      cluster.removePod('tool-1');
      cluster.pod('default', 'tool', uid, node);
      cluster.settle();
      const received = endpoints(cluster, 'receiver');
      expect(received).toHaveLength(3);
      expect(received.map(({ destinationPod }) => destinationPod?.uid)).toEqual([uid, uid, uid]);
      const receivers = cluster.tapPods.filter(({ role }) => role === 'receiver');
      expect(receivers.map((pod) => pod.node)).toEqual([node]);
      expect(cluster.manifest(receivers[0]?.name ?? '')?.spec).toMatchObject({ hostPID: true });
    }
  });

  test('has a list of the VNIs of its targets, which changes with them and goes with the Tap', () => {
    const cluster = started();
    const listed = () => {
      const lists = cluster.vniLists.map(({ text }) =>
        z.record(z.string(), z.unknown()).parse(JSON.parse(text)),
      );
      expect(lists).toHaveLength(1);
      return lists[0] ?? {};
    };
    const vniOf = (uid: string) => {
      const found = endpoints(cluster, 'sender').find((each) => 'podUid' in each && each.podUid === uid);
      return found?.path.kind === 'vxlan' ? found.path.vni : undefined;
    };
    // The third pod is on the node of the destination, and needs none.
    expect(listed()).toEqual({
      [vniOf('u1') ?? '']: {
        namespace: 'default',
        pod: 'web-1',
        uid: 'u1',
        node: 'node-0',
        source: '192.0.2.1',
      },
      [vniOf('u2') ?? '']: {
        namespace: 'default',
        pod: 'web-2',
        uid: 'u2',
        node: 'node-0',
        source: '192.0.2.1',
      },
    });
    cluster.settle();
    cluster.world.touchAll();
    expect(cluster.step('t1')).toEqual([]);
    expect(cluster.decisions.get('t1')?.status?.vniConfigMap).toBe(cluster.vniLists[0]?.name);
    cluster.removePod('u1');
    cluster.settle();
    expect(Object.values(listed())).toMatchObject([{ pod: 'web-2' }]);
    // Also when the controller was away while the Tap went.
    const later = cluster.restarted();
    later.world.changeTap('t1', undefined);
    const again = later.restarted();
    again.settle();
    expect(again.vniLists).toEqual([]);
  });

  test('sends to an address without a receiver, each target with a VNI of its own', () => {
    const cluster = started({ ...toNodeB, destination: { address: '198.51.100.7' } });
    expect(cluster.tapPods.map(({ role }) => role)).toEqual(['sender', 'sender']);
    const vnis = endpoints(cluster, 'sender').map(({ path }) => (path.kind === 'vxlan' ? path.vni : 0));
    expect(new Set(vnis).size).toBe(3);
  });
});

type Op =
  | { do: 'pod'; index: number; node: number; namespace: 'a' | 'b' }
  | { do: 'remove pod'; index: number }
  | { do: 'node'; index: number; isThere: boolean }
  | { do: 'tap'; index: number; namespace: 'a' | 'b'; destination: number }
  | { do: 'remove tap'; index: number }
  | { do: 'half a step'; index: number }
  | { do: 'restart' };

const index = fc.nat(4);
const namespace = fc.constantFrom('a' as const, 'b' as const);
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ do: fc.constant('pod' as const), index, node: fc.nat(3), namespace }),
  fc.record({ do: fc.constant('remove pod' as const), index }),
  fc.record({ do: fc.constant('node' as const), index: fc.nat(3), isThere: fc.boolean() }),
  fc.record({ do: fc.constant('tap' as const), index: fc.nat(2), namespace, destination: fc.nat(3) }),
  fc.record({ do: fc.constant('remove tap' as const), index: fc.nat(2) }),
  fc.record({ do: fc.constant('half a step' as const), index: fc.nat(2) }),
  fc.constant({ do: 'restart' as const }),
);

test('whatever happens, each target is copied once, with a VNI of its own that stays, and nothing is left', () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 40 }), (ops) => {
      let cluster = new Cluster();
      for (const node of [0, 1, 2, 3]) cluster.node(`node-${node}`, node);
      const vnis = new Map<string, number>();
      for (const each of ops) {
        cluster = act(cluster, each);
        if (each.do !== 'half a step') cluster.settle();
        expectUnique(cluster, vnis);
      }
      cluster.settle();
      for (const tap of cluster.world.taps) expectCopied(cluster, tap.metadata.uid);
      const uids = [...cluster.world.taps].map(({ metadata }) => metadata.uid);
      for (const uid of uids) cluster.removeTap(uid);
      cluster.settle();
      expect(cluster.tapPods).toEqual([]);
      expect(cluster.vniLists).toEqual([]);
    }),
  );
});

function act(cluster: Cluster, each: Op): Cluster {
  switch (each.do) {
    case 'pod':
      // A pod never moves: another place is another pod.
      cluster.pod(
        each.namespace,
        `p${each.index}`,
        `${each.namespace}-u${each.index}-${each.node}`,
        `node-${each.node}`,
      );
      break;
    case 'remove pod':
      for (const place of [0, 1, 2, 3])
        for (const name of ['a', 'b']) cluster.removePod(`${name}-u${each.index}-${place}`);
      break;
    case 'node':
      if (each.isThere) cluster.node(`node-${each.index}`, each.index);
      else cluster.removeNode(`node-${each.index}`);
      break;
    case 'tap': {
      const uid = `tap-${each.index}-${each.namespace}-${each.destination}`;
      cluster.tap(uid, each.namespace, `t${each.index}`, {
        targets: { selector: {} },
        destination: { nodeName: `node-${each.destination}` },
      });
      break;
    }
    case 'remove tap':
      for (const tap of cluster.world.taps)
        if (tap.metadata.name === `t${each.index}`) cluster.removeTap(tap.metadata.uid);
      break;
    case 'half a step':
      for (const uid of cluster.dirty) cluster.step(uid, 1);
      break;
    case 'restart':
      return cluster.restarted();
  }
  return cluster;
}

/** No VNI is two endpoints', and one that runs keeps its own. */
function expectUnique(cluster: Cluster, before: Map<string, number>): void {
  const now = new Map<string, number>();
  const owners = new Map<number, string>();
  for (const pod of cluster.tapPods) {
    for (const [id, vni] of pod.vnis) {
      expect(owners.get(vni) ?? id).toBe(id);
      owners.set(vni, id);
      now.set(id, vni);
      expect(before.get(id) ?? vni).toBe(vni);
    }
  }
  before.clear();
  for (const [id, vni] of now) before.set(id, vni);
}

/** Every pod of the Tap's namespace whose node is there is in the list of its node's sender, once, and in the receiver's. */
function expectCopied(cluster: Cluster, uid: string): void {
  const tap = cluster.world.tap(uid);
  if (tap === undefined) return;
  const { nodes } = cluster.world;
  const hasDestination = nodes.has(tap.spec.destination.nodeName ?? '');
  const wanted = cluster.world
    .podsOf(tap.metadata.namespace)
    .filter(({ node }) => hasDestination && nodes.has(node ?? ''))
    .map((pod) => `${pod.node} ${endpointId(uid, pod.uid)}`)
    .toSorted();
  const ids = wanted.map((each) => each.split(' ')[1] ?? '');
  const sent = cluster.tapPods
    .filter((pod) => pod.tapUid === uid && pod.role === 'sender')
    .flatMap((pod) =>
      [...parseEndpointList('Sender', pod.endpoints).endpoints.values()].map(
        ({ tapId }) => `${pod.node} ${tapId}`,
      ),
    )
    .toSorted();
  expect(sent).toEqual(wanted);
  const received = endpoints(cluster, 'receiver', uid).map(({ tapId }) => tapId);
  expect(received.toSorted()).toEqual(ids.toSorted());
  expect(
    cluster.tapPods.every((pod) => cluster.manifest(pod.name)?.metadata.namespace === ownNamespace),
  ).toBe(true);
}
