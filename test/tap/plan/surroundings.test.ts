import { expect, test } from 'vitest';
import { handleOf } from '#src/tap/ownership/mark.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import { surroundingsOf } from '#src/tap/plan/surroundings.ts';
import type { Classifier, Filter, Observed } from '#src/tap/state.ts';
import { bare, deadTap, eth0, net1, sender } from '../support/ends.ts';
import { applyAll } from '../support/kernel.ts';

const now = surroundingsOf(sender, bare);
const other: Filter = { hook: 'ingress', preference: 1, kind: 'bpf', handle: handleOf(deadTap, false) };

function withEth0(classifier: Classifier): Observed {
  return { ...bare, classifiers: { ...bare.classifiers, eth0: classifier } };
}

test.each<[string, Observed]>([
  ['another interface', { ...bare, links: [...bare.links, net1] }],
  [
    'a filter on another interface',
    { ...bare, classifiers: { net1: { qdisc: 'clsact', filters: [other] } } },
  ],
])('%s is no change', (_, observed) => {
  expect(surroundingsOf(sender, observed)).toBe(now);
});

test('filters of the tap itself are none', () => {
  const made = applyAll(bare, planRepairs(sender, bare).steps);
  const { qdisc = 'none' } = made.classifiers['eth0'] ?? {};
  expect(surroundingsOf(sender, made)).toBe(surroundingsOf(sender, withEth0({ qdisc, filters: [] })));
});

test.each<[string, Observed]>([
  ['an interface made anew', { ...bare, links: [{ ...eth0, mac: '0a:00:00:00:00:09' }] }],
  ['another MTU', { ...bare, links: [{ ...eth0, mtuBytes: 1400 }] }],
  ['no interface', { ...bare, links: [] }],
  ['a qdisc', withEth0({ qdisc: 'clsact', filters: [] })],
  ["another's filter", withEth0({ qdisc: 'none', filters: [other] })],
  ['a tcx program', { ...bare, tcx: { eth0: { ingress: [{ id: 1, name: 'cil' }], egress: [] } } }],
])('%s is a change', (_, observed) => {
  expect(surroundingsOf(sender, observed)).not.toBe(now);
});
