import { describe, expect, test } from 'vitest';
import { MOST_TARGETS } from '#src/controller/decide/targets.ts';
import { withRefusals } from '#src/controller/decide/status.ts';
import { parseEndpointList } from '#src/spec/endpointList.ts';
import { Cluster } from './support/cluster.ts';

const web = { selector: { matchLabels: { app: 'web' } } };
const toNode1 = { targets: web, destination: { nodeName: 'node-1' } };

/** Three nodes, and so many pods with the label app=web on the first and the last. */
function clusterOf(pods: number): Cluster {
  const cluster = new Cluster();
  for (const index of [0, 1, 2]) cluster.node(`node-${index}`, index);
  for (let index = 0; index < pods; index++)
    cluster.pod('default', `web-${index}`, `u${index}`, `node-${2 * (index % 2)}`);
  return cluster;
}

function started(pods: number, spec: object = toNode1): Cluster {
  const cluster = clusterOf(pods);
  cluster.tap('t1', 'default', 'web', spec);
  return settled(cluster);
}

/** Also when nothing is left to do it is decided once more, so that the status is about what there is now. */
function settled(cluster: Cluster): Cluster {
  cluster.settle();
  cluster.world.touchAll();
  cluster.settle();
  return cluster;
}

const statusOf = (cluster: Cluster, uid = 't1') => cluster.decisions.get(uid)?.status;
const readyOf = (cluster: Cluster, uid = 't1') =>
  statusOf(cluster, uid)?.conditions?.find(({ type }) => type === 'Ready');
const places = (cluster: Cluster, uid = 't1') =>
  cluster.tapPods
    .filter(({ tapUid }) => tapUid === uid)
    .map(({ role, node }) => `${role} ${node}`)
    .toSorted();

/** The endpoints of all senders, as their agents read them. */
function sent(cluster: Cluster) {
  const senders = cluster.tapPods.filter(({ role }) => role === 'sender');
  return senders.flatMap((pod) => Array.from(parseEndpointList('Sender', pod.endpoints).endpoints.values()));
}

/** The VNI of each endpoint of a Tap's senders. */
function vnis(cluster: Cluster, uid = 't1'): Map<string, number> {
  const senders = cluster.tapPods.filter(({ tapUid, role }) => tapUid === uid && role === 'sender');
  return new Map(senders.flatMap((pod) => Array.from(pod.vnis)));
}

test('a selector that selects nothing has a receiver and no sender, until there is a pod', () => {
  const cluster = started(0);
  expect(places(cluster)).toEqual(['receiver node-1']);
  expect(readyOf(cluster)).toMatchObject({ status: 'False', reason: 'NoTargets' });
  cluster.pod('default', 'web-0', 'u0', 'node-0');
  settled(cluster);
  expect(places(cluster)).toEqual(['receiver node-1', 'sender node-0']);
  expect(readyOf(cluster)).toMatchObject({ status: 'True' });
});

test('of 1,000 pods as many are copied as fit, and others take the places of those that go', () => {
  const cluster = started(1000);
  expect(statusOf(cluster)?.targets).toMatchObject({ selected: 1000, ready: MOST_TARGETS });
  expect(statusOf(cluster)?.failing).toHaveLength(10);
  expect(readyOf(cluster)).toMatchObject({ status: 'False', reason: 'TooManyTargets' });
  const before = vnis(cluster);
  expect(new Set(before.values()).size).toBe(MOST_TARGETS);
  for (let index = 0; index < 100; index++) cluster.removePod(`u${index}`);
  settled(cluster);
  const after = vnis(cluster);
  expect(after.size).toBe(MOST_TARGETS);
  const kept = [...before].filter(([id]) => after.has(id));
  expect(kept.length).toBeGreaterThanOrEqual(MOST_TARGETS - 100);
  for (const [id, vni] of kept) expect(after.get(id)).toBe(vni);
}, 60_000);

describe('a destination', () => {
  test('on the node of the targets needs no VXLAN', () => {
    const cluster = started(1, { targets: web, destination: { nodeName: 'node-0' } });
    expect(places(cluster)).toEqual(['receiver node-0', 'sender node-0']);
    expect(vnis(cluster).size).toBe(0);
    expect(readyOf(cluster)).toMatchObject({ status: 'True' });
  });

  test('that is not Ready keeps its pods, and is waited for', () => {
    const cluster = started(2);
    const before = cluster.tapPods;
    cluster.node('node-1', 1, { conditions: [{ type: 'Ready', status: 'Unknown' }] });
    settled(cluster);
    expect(cluster.tapPods).toEqual(before);
    expect(readyOf(cluster)).toMatchObject({ status: 'False', reason: 'DestinationNotReady' });
    cluster.node('node-1', 1);
    settled(cluster);
    expect(cluster.tapPods).toEqual(before);
    expect(readyOf(cluster)).toMatchObject({ status: 'True' });
  });

  test('that is removed takes all pods with it, and a new one of its name gets them', () => {
    const cluster = started(2);
    cluster.removeNode('node-1');
    settled(cluster);
    expect({ pods: places(cluster), lists: cluster.vniLists }).toEqual({ pods: [], lists: [] });
    expect(readyOf(cluster)).toMatchObject({ status: 'False', reason: 'DestinationNotFound' });
    cluster.node('node-1', 7);
    settled(cluster);
    expect(places(cluster)).toEqual(['receiver node-1', 'sender node-0', 'sender node-2']);
    expect(readyOf(cluster)).toMatchObject({ status: 'True' });
    const sender = cluster.tapPods.find(({ role }) => role === 'sender');
    expect(sender?.endpoints).toContain('192.0.2.8');
  });
});

test('two Taps of one pod have devices and VNIs of their own, and one goes without the other', () => {
  const cluster = started(1);
  cluster.tap('t2', 'default', 'other', { ...toNode1, mirrorInterface: 'mirror2' });
  settled(cluster);
  const devices = sent(cluster).map(({ mirrorInterface }) => mirrorInterface);
  expect(new Set(devices).size).toBe(2);
  expect(new Set([...vnis(cluster).values(), ...vnis(cluster, 't2').values()]).size).toBe(2);
  const before = cluster.tapPods.filter(({ tapUid }) => tapUid === 't1');
  cluster.removeTap('t2');
  settled(cluster);
  expect(cluster.tapPods).toEqual(before);
  expect(readyOf(cluster)).toMatchObject({ status: 'True' });
});

test('names at their limits are no trouble, also where two begin alike', () => {
  const cluster = new Cluster();
  const long = `${'n'.repeat(63)}.${'o'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(61)}`;
  expect(long).toHaveLength(253);
  cluster.node(long, 0);
  cluster.node('node-1', 1);
  cluster.pod('n'.repeat(63), long, 'u1', long);
  for (const uid of ['t1', 't2'])
    cluster.tap(uid, 'n'.repeat(63), `${long.slice(0, 252)}${uid.at(-1)}`, toNode1);
  settled(cluster);
  const names = [...cluster.tapPods, ...cluster.vniLists].map(({ name }) => name);
  expect(new Set(names).size).toBe(6);
  for (const name of names) expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,80}[a-z0-9]$/u);
  for (const uid of ['t1', 't2']) expect(readyOf(cluster, uid)).toMatchObject({ status: 'True' });
});

test('a Tap that is edited 100 times is at last as it was edited last, by the same pods', () => {
  const cluster = started(4);
  const uids = cluster.tapPods.map(({ uid }) => uid).toSorted();
  const before = vnis(cluster);
  for (let edit = 1; edit <= 100; edit++) {
    cluster.tap('t1', 'default', 'web', { ...toNode1, snapLength: 100 + edit }, 1 + edit);
    // The controller does not get to each, and not to all of one.
    if (edit % 3 === 0) cluster.step('t1', 1);
  }
  settled(cluster);
  expect(cluster.tapPods.map(({ uid }) => uid).toSorted()).toEqual(uids);
  expect(vnis(cluster)).toEqual(before);
  for (const each of sent(cluster)) expect(each).toMatchObject({ snapLengthBytes: 200 });
  expect(statusOf(cluster)?.observedGeneration).toBe(101);
});

describe('the clock', () => {
  const day = 86_400_000;

  test.each([-day, -1000])('that is set by %i ms keeps no empty sender', (jumpMs) => {
    const cluster = started(1);
    cluster.removePod('u0');
    settled(cluster);
    expect(places(cluster)).toContain('sender node-0');
    cluster.nowMs += jumpMs;
    settled(cluster.restarted());
    const later = settled(cluster.restarted());
    expect(places(later)).toContain('sender node-0');
    later.nowMs += 60_000;
    expect(places(settled(later.restarted()))).toEqual(['receiver node-1']);
  });

  test('that is set on and back again does not end a Tap for good', () => {
    const cluster = started(2, { ...toNode1, duration: '1h' });
    cluster.nowMs += day;
    cluster.world.touchAll();
    settled(cluster);
    expect(places(cluster)).toEqual([]);
    cluster.nowMs -= day;
    cluster.world.touchAll();
    settled(cluster);
    expect(places(cluster)).toEqual(['receiver node-1', 'sender node-0', 'sender node-2']);
    expect(readyOf(cluster)).toMatchObject({ status: 'True' });
  });
});

/** Other pods take the places of all, and a node goes. */
function rollOut(cluster: Cluster): void {
  for (const index of [0, 1, 2, 3]) cluster.removePod(`u${index}`);
  cluster.removeNode('node-2');
  for (const index of [4, 5]) cluster.pod('default', `web-${index}`, `u${index}`, 'node-1');
  for (const index of [6, 7]) cluster.pod('default', `web-${index}`, `u${index}`, 'node-0');
}

test('a controller that is killed after any step of a roll-out leaves it to the next one', () => {
  const whole = started(4);
  rollOut(whole);
  settled(whole);
  const wanted = { places: places(whole), endpoints: [...vnis(whole).keys()].toSorted() };
  const steps = clusterThatIsKilledAfter(Infinity).steps;
  expect(steps).toBeGreaterThan(3);
  for (let after = 0; after <= steps; after++) {
    const { cluster } = clusterThatIsKilledAfter(after);
    const next = settled(cluster.restarted());
    expect({ places: places(next), endpoints: [...vnis(next).keys()].toSorted() }).toEqual(wanted);
    expect(readyOf(next)).toMatchObject({ status: 'True' });
    expect(next.vniLists).toHaveLength(1);
  }
});

/** A controller that has done so many steps of what a roll-out asks for. */
function clusterThatIsKilledAfter(after: number) {
  const cluster = started(4);
  rollOut(cluster);
  let steps = 0;
  while (steps < after && cluster.step('t1', 1).length > 0) {
    steps += 1;
    cluster.kubelets();
  }
  return { cluster, steps };
}

test('a pod that the API server refuses is said by the status', () => {
  const cluster = clusterOf(2);
  cluster.tap('t1', 'default', 'web', toNode1);
  cluster.step('t1', 0);
  const status = statusOf(cluster);
  if (status === undefined) throw new Error('a Tap without a status');
  const name = status.failing?.[0]?.pod ?? '';
  const told = withRefusals(status, new Map([[name, 'exceeded quota']]));
  expect(told.failing?.filter(({ pod }) => pod === name)).toEqual([
    { pod: name, reason: 'PodRefused', message: 'exceeded quota' },
  ]);
  expect(told.failing).toHaveLength(3);
  expect(told.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
    status: 'False',
    reason: 'PodRefused',
    message: `0/2 pods are copied: ${name}: exceeded quota`,
  });
  expect(withRefusals(status, new Map())).toBe(status);
});
