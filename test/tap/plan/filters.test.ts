import { describe, expect, test } from 'vitest';
import { matchAll } from '#src/filter/bpf.ts';
import { handleOf, preferences } from '#src/tap/ownership/mark.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import { seenProgram } from '#src/tap/programs/names.ts';
import type { Classifier, Filter, Hook, Link, Observed, Desired } from '#src/tap/state.ts';
import { addedFilters, bare, copies, deadTap, eth0, id, sender } from '../support/ends.ts';
import { applyAll } from '../support/kernel.ts';

const made = applyAll(bare, planRepairs(sender, bare).steps);
const ingressOnly: Desired = { ...sender, copies: { ...copies, hooks: ['ingress'] } };

/** A filter that copies, as a tap makes it. */
function copyFilter(change: Partial<Filter> = {}): Filter {
  return {
    hook: 'ingress',
    preference: preferences.filter,
    kind: 'bpf',
    handle: handleOf(deadTap, false),
    program: matchAll,
    action: { copyTo: 'other' },
    ...change,
  };
}

function withEth0(classifier: Classifier, state: Observed = bare): Observed {
  return { ...state, classifiers: { ...state.classifiers, eth0: classifier } };
}

/** What is done to the filters of the target interface. */
function changes(desired: Desired, observed: Observed): string[] {
  return planRepairs(desired, observed).steps.flatMap((step) => {
    if (step.link !== 'eth0') return [];
    if ('filter' in step) return `${step.do.split(' ', 1)[0]} ${step.filter.hook} ${step.filter.preference}`;
    return step.do === 'delete filter' ? `delete ${step.hook} ${step.preference}` : step.do;
  });
}

/** Whether a filter on the target interface goes. */
function isRemoved(filter: Filter, change: Partial<Observed> = {}): boolean {
  const observed = withEth0({ qdisc: 'clsact', filters: [filter] }, { ...bare, ...change });
  return planRepairs(sender, observed).steps.some((step) => step.do === 'delete filter');
}

/** What a target interface of a tap that made its qdisc has at a hook. */
function seenAndCopied(hook: Hook) {
  return [
    {
      hook,
      preference: preferences.seen,
      handle: handleOf(id, true),
      program: seenProgram('copy.o', hook),
      action: 'direct',
    },
    {
      hook,
      preference: preferences.filter,
      handle: handleOf(id, true),
      program: matchAll,
      action: { copyTo: 'mirror' },
    },
  ];
}

describe('a target interface', () => {
  test('gets at each hook a program that counts and then a filter that copies', () => {
    expect(addedFilters(planRepairs(sender, bare).steps, 'eth0')).toEqual([
      ...seenAndCopied('ingress'),
      ...seenAndCopied('egress'),
    ]);
  });

  test('gets without eBPF the filter that copies', () => {
    const plain: Desired = { ...ingressOnly, object: undefined };
    expect(addedFilters(planRepairs(plain, bare).steps, 'eth0')).toEqual(seenAndCopied('ingress').slice(1));
  });

  test('has the handle say that its qdisc is not of a tap', () => {
    const foreign = withEth0({ qdisc: 'clsact', filters: [] });
    const handles = addedFilters(planRepairs(sender, foreign).steps, 'eth0').map(({ handle }) => handle);
    expect(new Set(handles)).toEqual(new Set([handleOf(id, false)]));
  });
});

describe('an ingress qdisc, which has no egress hook', () => {
  const withIngress = withEth0({ qdisc: 'ingress', filters: [] });

  test('serves a tap of what comes in', () => {
    expect(changes(ingressOnly, withIngress)).toEqual(['add ingress 6', 'add ingress 7']);
  });

  test.each<[string, readonly Hook[]]>([
    ['both directions', ['ingress', 'egress']],
    ['what goes out', ['egress']],
  ])('is refused for a tap of %s', (_, hooks) => {
    expect(() => planRepairs({ ...sender, copies: { ...copies, hooks } }, withIngress)).toThrow(
      "Interface eth0 has an ingress qdisc that is not kokotap's, so what it sends cannot be copied: remove that qdisc or choose --mirrortype=ingress",
    );
  });
});

describe('a filter of our own that is not as it should be is replaced in place', () => {
  test.each<[string, number, Partial<Filter>]>([
    ['another program', preferences.filter, { program: '1,6 0 0 0' }],
    ['another device to copy to', preferences.filter, { action: { copyTo: 'lo' } }],
    ['an action that does not copy', preferences.filter, { action: undefined }],
    ['a verdict in place of the copy', preferences.filter, { action: 'direct' }],
    ['no verdict', preferences.seen, { action: undefined }],
    ['a copy in place of the verdict', preferences.seen, { action: { copyTo: 'mirror' } }],
  ])('%s', (_, preference, change) => {
    const { filters = [] } = made.classifiers['eth0'] ?? {};
    const found = filters.find((filter) => filter.hook === 'egress' && filter.preference === preference);
    const others = filters.filter((filter) => filter !== found);
    const changed = found ? [...others, { ...found, ...change }] : [];
    expect(changes(sender, withEth0({ qdisc: 'clsact', filters: changed }, made))).toEqual([
      `replace egress ${preference}`,
    ]);
  });
});

describe("a dead tap's filter", () => {
  const other: Link = { ...eth0, name: 'other' };

  test('is removed when it copies to a device that is gone, or to ours', () => {
    expect(isRemoved(copyFilter())).toBe(true);
    expect(isRemoved(copyFilter({ action: { copyTo: 'mirror' } }), { links: [eth0, other] })).toBe(true);
  });

  test('is removed when it copies nothing', () => {
    for (const action of ['direct', undefined] as const)
      expect(isRemoved(copyFilter({ action }), { links: [eth0, other] })).toBe(true);
  });

  test('stays as long as its device is there', () => {
    expect(isRemoved(copyFilter(), { links: [eth0, other] })).toBe(false);
  });

  test.each([[[deadTap]], [[deadTap, 'ffffffffffff']]])('stays while its tap runs, among %j', (live) => {
    expect(isRemoved(copyFilter(), { liveTaps: new Set(live) })).toBe(false);
  });

  test('is not in the way of ours', () => {
    expect(isRemoved(copyFilter(), { liveTaps: new Set(['ffffffffffff']) })).toBe(true);
  });
});

test("someone else's filter at our preference of the other hook is not in the way", () => {
  const filters = [copyFilter({ hook: 'egress', kind: 'u32', handle: undefined })];
  expect(changes(ingressOnly, withEth0({ qdisc: 'clsact', filters }))).toEqual([
    'add ingress 6',
    'add ingress 7',
  ]);
});
