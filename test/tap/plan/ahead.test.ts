import { describe, expect, test } from 'vitest';
import { holdsOf, isHeld, placesAhead } from '#src/tap/plan/ahead.ts';
import { dropUnless } from '#src/filter/bpf.ts';
import { handleOf, preferences } from '#src/tap/ownership/mark.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import { aheadProgram } from '#src/tap/programs/names.ts';
import type { Filter, Hook, Observed, TcxProgram, Desired } from '#src/tap/state.ts';
import { addedFilters, bare, copies, deadTap, id, lo, sender } from '../support/ends.ts';
import { applyAll } from '../support/kernel.ts';

const theirs: TcxProgram = { id: 1, name: 'cil_from_netdev' };
const ours: TcxProgram = { id: 7, name: 'ahead_ingress' };
const others: TcxProgram = { id: 8, name: 'ahead_ingress' };
const made = applyAll(bare, planRepairs(sender, bare).steps);

function withTcx(programs: Partial<Record<Hook, readonly TcxProgram[]>>, state: Observed = bare): Observed {
  return { ...state, tcx: { eth0: { ingress: [], egress: [], ...programs } } };
}

function withVerdict(preference: number): Observed {
  const filters: Filter[] = [{ hook: 'ingress', preference, kind: 'bpf', handle: 1, action: 'direct' }];
  return withTcx({}, { ...bare, classifiers: { eth0: { qdisc: 'clsact', filters } } });
}

/** With the program that goes before others loaded. */
function loaded(state: Observed): Observed {
  const { filters = [], ...rest } = state.classifiers['mirror'] ?? { qdisc: 'clsact' };
  const program: Filter = {
    hook: 'ingress',
    preference: preferences.ahead.ingress,
    kind: 'bpf',
    handle: handleOf(id, true),
    program: aheadProgram('copy.o', 'ingress'),
    action: 'direct',
    programId: ours.id,
  };
  return {
    ...state,
    classifiers: { ...state.classifiers, mirror: { ...rest, filters: [...filters, program] } },
  };
}

describe('the tap has to go ahead', () => {
  const ingress = [{ ifname: 'eth0', hook: 'ingress' }];

  test("where another's tcx program is, and not where only taps' are", () => {
    expect(placesAhead(sender, withTcx({ ingress: [theirs] }))).toEqual(ingress);
    expect(placesAhead(sender, withTcx({ ingress: [others, theirs] }))).toEqual(ingress);
    expect(placesAhead(sender, withTcx({ ingress: [others] }))).toEqual([]);
    expect(placesAhead(sender, withTcx({}))).toEqual([]);
  });

  test('where a filter with a verdict is that leaves no room before it', () => {
    expect(placesAhead(sender, withVerdict(2))).toEqual(ingress);
    expect(placesAhead(sender, withVerdict(3))).toEqual([]);
    expect(placesAhead(sender, withVerdict(8))).toEqual([]);
  });

  test('at the hooks that it copies at', () => {
    const both = withTcx({ ingress: [theirs], egress: [theirs] });
    expect(placesAhead(sender, both)).toHaveLength(2);
    expect(placesAhead({ ...sender, copies: { ...copies, hooks: ['ingress'] } }, both)).toEqual(ingress);
    const loopback: Observed = { ...both, links: [lo], tcx: { lo: { ingress: [theirs], egress: [theirs] } } };
    const ofLo: Desired = { ...sender, copies: { ...copies, from: ['lo'] } };
    expect(placesAhead(ofLo, loopback)).toEqual([{ ifname: 'lo', hook: 'ingress' }]);
  });

  test.each<[string, Partial<Desired>, Partial<Observed>]>([
    ['without eBPF', { object: undefined }, {}],
    ['where the kernel does not let it', { staysBehind: true }, {}],
    ['as a receiver', { copies: undefined }, {}],
    ['where nobody looked', {}, { tcx: undefined }],
  ])('not %s', (_, change, seen) => {
    expect(placesAhead({ ...sender, ...change }, { ...withTcx({ ingress: [theirs] }), ...seen })).toEqual([]);
  });
});

describe('the program that goes ahead', () => {
  const hold = { ifname: 'eth0', hook: 'ingress', programId: ours.id } as const;

  test('is loaded, then held', () => {
    const before = withTcx({ ingress: [theirs] }, made);
    expect(holdsOf(sender, before)).toEqual([]);
    expect(addedFilters(planRepairs(sender, before).steps, 'mirror')).toMatchObject([
      { hook: 'ingress', preference: preferences.ahead.ingress, program: 'copy.o:[tc/ahead_ingress]' },
    ]);
    expect(holdsOf(sender, loaded(before))).toEqual([hold]);
    expect(planRepairs(sender, loaded(before)).steps).toEqual([]);
  });

  test("is the tap's own", () => {
    const before = loaded(withTcx({ ingress: [theirs] }, made));
    expect(holdsOf({ ...sender, id: deadTap }, before)).toEqual([]);
  });

  test.each<[string, readonly TcxProgram[], boolean]>([
    ['first of all', [ours, theirs], true],
    ["behind another tap's", [others, ours, theirs], true],
    ['alone', [ours], true],
    ['behind another', [theirs, ours], false],
    ['between others', [theirs, ours, theirs], false],
    ['not there', [theirs], false],
    ['not there, and nor are others', [], false],
  ])('is held: %s', (_, programs, expected) => {
    expect(isHeld(hold, withTcx({ ingress: programs }))).toBe(expected);
  });

  test('takes the place of the filters at its hook, and they come back', () => {
    const held = loaded(withTcx({ ingress: [ours, theirs] }, made));
    expect(planRepairs(sender, held).steps).toMatchObject([
      { do: 'delete filter', link: 'eth0', hook: 'ingress', preference: preferences.seen },
      { do: 'delete filter', link: 'eth0', hook: 'ingress', preference: preferences.filter },
    ]);
    const ahead = applyAll(held, planRepairs(sender, held).steps);
    expect(planRepairs(sender, { ...ahead, tcx: held.tcx }).steps).toEqual([]);
    const alone = planRepairs(sender, withTcx({ ingress: [ours] }, ahead)).steps;
    expect(addedFilters(alone, 'eth0').map(({ hook }) => hook)).toEqual(['ingress', 'ingress']);
    expect(alone).toContainEqual(
      expect.objectContaining({ do: 'delete filter', link: 'mirror', preference: preferences.ahead.ingress }),
    );
  });

  test('has the qdisc of the tap go when no hook has filters, and is gone to at once where there are none', () => {
    const both = withTcx({ ingress: [ours, theirs], egress: [theirs, theirs] }, made);
    const ingressOnly: Desired = { ...sender, copies: { ...copies, hooks: ['ingress'] } };
    const held = loaded(applyAll(both, planRepairs(ingressOnly, both).steps));
    const steps = planRepairs(ingressOnly, { ...held, tcx: both.tcx }).steps;
    expect(steps).toContainEqual({ do: 'delete clsact', link: 'eth0' });
    expect(steps).toContainEqual({ do: 'set alias', link: 'mirror', alias: `kokotap:${id}` });
    const fresh = planRepairs(sender, withTcx({ ingress: [theirs], egress: [theirs] })).steps;
    expect(fresh.filter(({ link }) => link === 'eth0')).toEqual([]);
  });

  test('has what --filter asks for decided at the mirror device', () => {
    const programs = { matching: 'filter.o:[tc/filter]', dropping: 'dropping.o:[tc/filter]' };
    const filtering: Desired = { ...sender, copies: { ...copies, ...programs } };
    const before = withTcx({ egress: [theirs] }, made);
    expect(addedFilters(planRepairs(filtering, before).steps, 'mirror')).toMatchObject([
      { hook: 'ingress', program: 'copy.o:[tc/ahead_egress]' },
      { hook: 'egress', preference: preferences.filter, program: programs.dropping, action: 'direct' },
    ]);
  });
});

test('a program that matches becomes one that drops what it does not match', () => {
  expect(dropUnless('4,40 0 0 12,21 0 1 2048,6 0 0 262144,6 0 0 0')).toBe(
    '4,40 0 0 12,21 0 1 2048,6 0 0 4294967295,6 0 0 2',
  );
});
