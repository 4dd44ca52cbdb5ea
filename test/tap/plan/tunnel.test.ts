import { expect, test } from 'vitest';
import { planRepairs } from '#src/tap/plan/repair.ts';
import { planRemoval } from '#src/tap/plan/removal.ts';
import { planSweep } from '#src/tap/plan/sweep.ts';
import { overTunnel, tunnelOf } from '#src/tap/plan/tunnel.ts';
import type { Observed } from '#src/tap/state.ts';
import { eth0, id, none, sender, vxlan } from '../support/ends.ts';
import { applyAll } from '../support/kernel.ts';

const desired = { ...sender, device: { kind: 'vxlan', ...vxlan } } as const;
const node: Observed = { links: [eth0], classifiers: {}, liveTaps: new Set([id]) };
const pod: Observed = { links: [eth0], classifiers: { eth0: none }, liveTaps: new Set([id]) };
const tunnel = tunnelOf(desired);
const inPod = overTunnel(desired);
const made = applyAll(node, planRepairs(tunnel, node).steps);
const madeInPod = applyAll(pod, planRepairs(inPod, pod).steps);

test('the device in the node has a name, an address and a mark of its own, and the programs of copies', () => {
  const link = made.links.find(({ name }) => name === 'ks-aabbccddeeff');
  expect(link).toMatchObject({ kind: 'vxlan', mac: '0a:6b:aa:bb:cc:dd', alias: `kokotap:${id}`, up: true });
  const programs = made.classifiers['ks-aabbccddeeff']?.filters.map(
    ({ hook, program }) => `${hook} ${program}`,
  );
  expect(programs).toEqual([
    'ingress 1,6 0 0 2',
    'egress copy.o:[tc/copy]',
    'ingress copy.o:[tc/read_report]',
  ]);
  expect(planRepairs(tunnel, made).steps).toEqual([]);
});

test('the mirror device in the pod is a macvlan device over it that only drops what comes in', () => {
  const link = madeInPod.links.find(({ name }) => name === 'mirror');
  expect(link).toMatchObject({ kind: 'macvlan', mac: sender.mac, up: true });
  expect(madeInPod.classifiers['mirror']?.filters.map(({ hook }) => hook)).toEqual(['ingress']);
  expect(planRepairs(inPod, madeInPod).steps).toEqual([]);
});

test('a VXLAN device in the pod is made anew as a macvlan device, and the other way round', () => {
  const before = applyAll(pod, planRepairs(sender, pod).steps);
  const steps = planRepairs(inPod, before).steps.map(({ do: what }) => what);
  expect(steps.slice(0, 2)).toEqual(['delete link', 'add macvlan']);
  expect(planRepairs(sender, madeInPod).steps[0]).toEqual({ do: 'delete link', link: 'mirror' });
});

test('both devices go with the tap, and with the sweep of what a killed agent left', () => {
  const gone = [{ do: 'delete link', link: 'ks-aabbccddeeff' }];
  expect(planRemoval(tunnel, made)).toEqual(gone);
  const withoutAgent = { ...made, liveTaps: new Set<string>() };
  expect(planSweep(new Set([id]), withoutAgent)).toEqual(gone);
  const unmarked = applyAll(withoutAgent, [{ do: 'set alias', link: 'ks-aabbccddeeff', alias: '' }]);
  expect(planSweep(new Set([id]), unmarked)).toEqual(gone);
});

test('a device of its VNI in the node that belongs to a running tap is named', () => {
  const other = { ...eth0, name: 'other', kind: 'vxlan', alias: 'kokotap:112233445566', vxlan };
  const observed = { ...node, links: [eth0, other], liveTaps: new Set([id, '112233445566']) };
  expect(() => planRepairs(tunnel, observed)).toThrow(
    'VNI 100 is used by interface other on this node, which belongs to the running tap 112233445566',
  );
});
