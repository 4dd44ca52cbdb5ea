import { describe, expect, test } from 'vitest';
import { inFrontOf, placesAt } from '#src/tap/plan/inFront.ts';
import { handleOf, preferences } from '#src/tap/ownership/mark.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import type { Filter } from '#src/tap/state.ts';
import { addedFilters, bare, deadTap, sender } from '../support/ends.ts';

/** Somebody else's program with a verdict of its own. */
function verdict(preference: number, change: Partial<Filter> = {}): Filter {
  return {
    hook: 'ingress',
    preference,
    kind: 'bpf',
    handle: 1,
    program: 'theirs.o:[tc]',
    action: 'direct',
    ...change,
  };
}

describe("the tap's filters go", () => {
  test.each<[string, Filter[], number[]]>([
    ['to the usual places', [], [6, 7]],
    ['there also before a verdict that is behind', [verdict(8)], [6, 7]],
    ['before a verdict', [verdict(5)], [3, 4]],
    ['before a verdict at one of the usual places', [verdict(7)], [5, 6]],
    ['before the first of several verdicts', [verdict(5), verdict(3), verdict(4)], [1, 2]],
    ['around what lets packets pass', [verdict(5), verdict(4, { action: undefined })], [2, 3]],
    ['to the usual places where there is no room', [verdict(2)], [6, 7]],
    [
      'there also if what has room is taken',
      [verdict(3), verdict(1, { kind: 'u32', action: undefined })],
      [6, 7],
    ],
    ['there if the verdict is at the other hook', [verdict(5, { hook: 'egress' })], [6, 7]],
    ["there if the verdict is a tap's", [verdict(5, { handle: handleOf(deadTap, true) })], [6, 7]],
    ['there behind what has no verdict', [verdict(1, { kind: 'u32', action: undefined })], [6, 7]],
  ])('%s', (_, filters, expected) => {
    const { seen, filter } = placesAt('ingress', { filters });
    expect([seen, filter]).toEqual(expected);
  });
});

test('the plan follows, at one hook', () => {
  const observed = { ...bare, classifiers: { eth0: { qdisc: 'clsact', filters: [verdict(5)] } as const } };
  const added = addedFilters(planRepairs(sender, observed).steps, 'eth0');
  expect(added.map(({ hook, preference }) => [hook, preference])).toEqual([
    ['ingress', 3],
    ['ingress', 4],
    ['egress', preferences.seen],
    ['egress', preferences.filter],
  ]);
});

test('what is before the tap is named', () => {
  const filters = [
    verdict(1),
    verdict(2, { kind: 'u32', program: undefined, action: undefined }),
    verdict(2, { kind: 'u32', program: undefined, action: undefined }),
    verdict(3, { program: '1,6 0 0 0', action: undefined }),
    verdict(1, { hook: 'egress' }),
    verdict(9),
    verdict(6, { handle: handleOf(deadTap, false) }),
  ];
  const tcx = [
    { id: 5, name: 'cil_from_netdev' },
    { id: 6, name: '' },
  ];
  expect(inFrontOf('ingress', { filters }, tcx)).toEqual([
    'the tcx program cil_from_netdev (id 5)',
    'the tcx program without a name (id 6)',
    'the bpf filter of preference 1 (theirs.o:[tc])',
    'the u32 filter of preference 2',
    'the bpf filter of preference 3',
  ]);
  expect(inFrontOf('ingress', { filters: [verdict(5)] }, [])).toEqual([]);
});

test("of a tap that is ahead of all filters, others' programs before its own are named", () => {
  const tcx = [
    { id: 5, name: 'theirs' },
    { id: 6, name: 'ahead_ingress' }, // another tap's
    { id: 7, name: 'ahead_ingress' },
    { id: 8, name: 'behind' },
  ];
  expect(inFrontOf('ingress', { filters: [verdict(1)] }, tcx, 7)).toEqual(['the tcx program theirs (id 5)']);
});
