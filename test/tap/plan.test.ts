import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dropAll, dropFrom, fitter, matchAll } from '#src/tap/bpf.ts';
import { aliasOf, filterPreference, handleOf, macOf, programPreference } from '#src/tap/mark.ts';
import { planRemoval, planRepairs } from '#src/tap/plan.ts';
import type { Classifier, Filter, Link, Observed, Step, Wanted } from '#src/tap/state.ts';

const id = 'aabbccddeeff';
const deadTap = '112233445566';
const vxlan = { vni: 100, port: 4789, local: '192.0.2.1', remote: '192.0.2.2' };
const none: Classifier = { qdisc: 'none', filters: [] };

const sender: Wanted = {
  id,
  role: 'sender',
  ifname: 'mirror',
  mac: macOf(id, 'sender'),
  device: { kind: 'vxlan', ...vxlan },
  mtuBytes: undefined,
  fitting: fitter('IPv4'),
  copies: { from: 'eth0', hooks: ['ingress', 'egress'], matching: matchAll },
  ownsQdisc: false,
};
const receiver: Wanted = {
  ...sender,
  role: 'receiver',
  mac: macOf(id, 'receiver'),
  mtuBytes: 1450,
  fitting: undefined,
  copies: undefined,
};
const eth0: Link = {
  name: 'eth0',
  kind: 'veth',
  mac: '0a:00:00:00:00:01',
  alias: '',
  up: true,
  carrier: true,
  silent: false,
  mtuBytes: 1500,
};

describe('from any state that kokotap can leave behind', () => {
  for (const wanted of [sender, receiver, { ...sender, device: { kind: 'veth' } } satisfies Wanted]) {
    test(`a plan leads to the wanted ${wanted.role} (${wanted.device.kind}), and planning again gives nothing`, () => {
      fc.assert(
        fc.property(states(wanted), (before) => {
          const after = applyAll(before, planRepairs(wanted, before).steps);
          expect(planRepairs(wanted, after)).toEqual({ steps: [] });
          expect(copiesTo(after)).toEqual(
            wanted.copies === undefined ? [] : ['ingress mirror', 'egress mirror'],
          );
        }),
      );
    });

    test(`the removal of the ${wanted.role} (${wanted.device.kind}) leaves what others own, and nothing else`, () => {
      fc.assert(
        fc.property(states(wanted), (before) => {
          const made = applyAll(before, planRepairs(wanted, before).steps);
          const after = applyAll(made, planRemoval(wanted, made));
          expect(planRemoval(wanted, after)).toEqual([]);
          expect(after.links.map(({ name }) => name)).not.toContain('mirror');
          expect(foreignOf(after)).toEqual(foreignOf(before));
        }),
      );
    });
  }
});

describe('a plan', () => {
  const bare: Observed = { links: [eth0], classifiers: { eth0: none }, liveTaps: new Set() };

  test('brings the device up before anything is copied to it', () => {
    const steps = planRepairs(sender, bare).steps.map((step) => `${step.do} ${step.link}`);
    expect(steps).toEqual([
      'add vxlan mirror',
      'set alias mirror',
      'silence mirror',
      'add clsact mirror',
      'add filter mirror',
      'add filter mirror',
      'add program mirror',
      'set up mirror',
      'add clsact eth0',
      'add filter eth0',
      'add filter eth0',
    ]);
  });

  test('waits for the target interface and names those there are', () => {
    const wanted: Wanted = { ...sender, copies: { from: 'net1', hooks: ['ingress'], matching: matchAll } };
    expect(planRepairs(wanted, bare)).toEqual({
      steps: [],
      missing: 'interface net1 in the target pod, which has eth0',
    });
  });

  test("of a receiver on the same node waits for the sender's veth pair", () => {
    const wanted: Wanted = { ...receiver, device: { kind: 'veth' } };
    expect(planRepairs(wanted, bare).missing).toBe('device mirror, which the sender makes');
  });

  test.each([
    ['no mark', { alias: '', mac: '0a:00:00:00:00:02' }, "is not kokotap's"],
    ["someone's alias", { alias: 'uplink', mac: macOf(id, 'sender') }, "is not kokotap's"],
    ["a running tap's", { alias: `kokotap:${deadTap}` }, `belongs to the running tap ${deadTap}`],
  ])('refuses an interface of that name with %s', (_, marks, words) => {
    const taken: Observed = {
      ...bare,
      links: [eth0, { ...eth0, name: 'mirror', ...marks }],
      liveTaps: new Set([deadTap]),
    };
    expect(() => planRepairs(sender, taken)).toThrow(words);
    expect(planRemoval(sender, taken)).toEqual([]);
  });

  test("refuses a preference that someone else's filter has, of the same kind or another", () => {
    for (const kind of ['u32', 'bpf']) {
      const filters: Filter[] = [{ hook: 'ingress', preference: filterPreference, kind, handle: 1 }];
      const taken: Observed = { ...bare, classifiers: { eth0: { qdisc: 'clsact', filters } } };
      expect(() => planRepairs(sender, taken)).toThrow(
        `preference ${filterPreference} at the ingress of eth0 is taken`,
      );
    }
  });

  test('keeps the qdisc mark that filters of another tap carry', () => {
    const filters: Filter[] = [copyFilter('ingress', deadTap, 'other', true)];
    const shared: Observed = {
      links: [eth0, { ...eth0, name: 'other', alias: aliasOf({ id: deadTap, ownsQdisc: true }) }],
      classifiers: { eth0: { qdisc: 'clsact', filters } },
      liveTaps: new Set([deadTap]),
    };
    const made = applyAll(shared, planRepairs(sender, shared).steps);
    const alone: Observed = {
      ...made,
      classifiers: {
        ...made.classifiers,
        eth0: { qdisc: 'clsact', filters: made.classifiers['eth0']?.filters.slice(1) ?? [] },
      },
    };
    expect(planRemoval(sender, alone)).toContainEqual({ do: 'delete clsact', link: 'eth0' });
    expect(planRemoval(sender, made)).not.toContainEqual({ do: 'delete clsact', link: 'eth0' });
  });
});

/** Any subset of what this tap and a dead one make, right or wrong, with or without what others have. */
function states(wanted: Wanted): fc.Arbitrary<Observed> {
  const mirror = fc.record({
    mark: fc.constantFrom(
      { alias: '', mac: wanted.mac },
      { alias: `kokotap:${id}`, mac: wanted.mac },
      { alias: `kokotap:${id}:clsact`, mac: wanted.mac },
      { alias: `kokotap:${id}`, mac: '02:00:00:00:00:09' },
      { alias: `kokotap:${deadTap}`, mac: macOf(deadTap, wanted.role) },
    ),
    kind: fc.constantFrom('vxlan', 'veth'),
    vni: fc.constantFrom(100, 101),
    up: fc.boolean(),
    silent: fc.boolean(),
    mtuBytes: fc.constantFrom(1450, 1500),
  });
  const ownFilter = fc
    .tuple(
      fc.constantFrom('ingress', 'egress'),
      fc.constantFrom(id, deadTap),
      fc.constantFrom('mirror', '*'),
      fc.boolean(),
    )
    .map(([hook, tap, to, owned]) => copyFilter(hook, tap, to, owned));
  const dropFilter = fc
    .tuple(
      fc.constantFrom('ingress', 'egress'),
      fc.constantFrom(filterPreference, programPreference),
      fc.constantFrom(dropAll, dropFrom(wanted.mac), fitter('IPv4'), fitter('IPv6')),
    )
    .map(([hook, preference, program]): Filter => ({
      hook,
      preference,
      kind: 'bpf',
      handle: handleOf(id, true),
      program,
      action: 'direct',
    }));
  const foreignFilter = fc
    .constantFrom('ingress' as const, 'egress' as const)
    .map((hook): Filter => ({ hook, preference: 20, kind: 'u32' }));
  const eth0Filters = fc.uniqueArray(fc.oneof(ownFilter, foreignFilter), { selector: key, maxLength: 6 });
  const mirrorFilters = fc.uniqueArray(dropFilter, { selector: key });
  return fc
    .record({
      mirror: fc.option(mirror, { nil: undefined }),
      eth0Filters,
      mirrorFilters,
      hasQdisc: fc.boolean(),
      mirrorQdisc: fc.boolean(),
    })
    .map(({ mirror: device, eth0Filters: filters, mirrorFilters: drops, hasQdisc, mirrorQdisc }) => {
      const link: Link | undefined = device && {
        ...eth0,
        name: 'mirror',
        ...device.mark,
        kind: device.kind,
        up: device.up,
        silent: device.silent,
        mtuBytes: device.mtuBytes,
        vxlan: device.kind === 'vxlan' ? { ...vxlan, vni: device.vni } : undefined,
      };
      // The receiver has no target; of a veth pair the sender's half is what is looked at here.
      const targetFilters = wanted.copies === undefined ? [] : filters;
      return {
        links: [eth0, ...(link === undefined ? [] : [link])],
        classifiers: {
          eth0: hasQdisc || targetFilters.length > 0 ? { qdisc: 'clsact', filters: targetFilters } : none,
          ...(link && { mirror: mirrorQdisc ? { qdisc: 'clsact', filters: drops } : none }),
        },
        liveTaps: new Set([id]),
      } satisfies Observed;
    });
}

function copyFilter(hook: Filter['hook'], tap: string, copyTo: string, owned: boolean): Filter {
  const handle = handleOf(tap, owned);
  return { hook, preference: filterPreference, kind: 'bpf', handle, program: matchAll, action: { copyTo } };
}

/** What a kernel makes of the steps; it refuses what a kernel refuses. */
function applyAll(before: Observed, steps: readonly Step[]): Observed {
  return steps.reduce(applyOne, before);
}

function applyOne(state: Observed, step: Step): Observed {
  const link = state.links.find(({ name }) => name === step.link);
  const others = state.links.filter(({ name }) => name !== step.link);
  const classifier = state.classifiers[step.link] ?? none;
  const withLink = (changes: Partial<Link>): Observed => {
    if (link === undefined) throw new Error(`no link for ${step.do}`);
    return { ...state, links: [...others, { ...link, ...changes }] };
  };
  const withClassifier = (changed: Classifier): Observed => {
    if (link === undefined) throw new Error(`no link for ${step.do}`);
    return { ...state, classifiers: { ...state.classifiers, [step.link]: changed } };
  };
  switch (step.do) {
    case 'add vxlan':
    case 'add veth pair': {
      if (link !== undefined) throw new Error('File exists');
      const kind = step.do === 'add vxlan' ? 'vxlan' : 'veth';
      const made: Link = { ...eth0, name: step.link, kind, mac: step.mac, up: false, vxlan: undefined };
      return {
        ...state,
        links: [...others, step.do === 'add vxlan' ? { ...made, vxlan: step.vxlan } : made],
        classifiers: { ...state.classifiers, [step.link]: none },
      };
    }
    case 'delete link': {
      if (link === undefined) throw new Error('no such device');
      const { [step.link]: _, ...rest } = state.classifiers;
      return { ...state, links: others, classifiers: rest };
    }
    case 'set alias':
      return withLink({ alias: step.alias });
    case 'silence':
      return withLink({ silent: true });
    case 'set mtu':
      return withLink({ mtuBytes: step.mtuBytes });
    case 'set up':
      return withLink({ up: true });
    case 'add clsact':
      if (classifier.qdisc !== 'none') throw new Error('File exists');
      return withClassifier({ qdisc: 'clsact', filters: [] });
    case 'delete clsact':
      if (classifier.qdisc !== 'clsact') throw new Error('no such qdisc');
      return withClassifier(none);
    case 'add filter':
    case 'add program': {
      const clash = classifier.filters.some((filter) => key(filter) === key(step.filter));
      if (classifier.qdisc === 'none' || clash) throw new Error('File exists');
      const filter: Filter = { ...step.filter, kind: 'bpf' };
      return withClassifier({ ...classifier, filters: [...classifier.filters, filter] });
    }
    case 'delete filter': {
      const rest = classifier.filters.filter((filter) => key(filter) !== key(step));
      if (rest.length !== classifier.filters.length - 1) throw new Error('no such filter');
      return withClassifier({ ...classifier, filters: rest });
    }
  }
}

function copiesTo({ classifiers }: Observed): string[] {
  return (classifiers['eth0']?.filters ?? [])
    .flatMap(({ hook, action }) => (typeof action === 'object' ? `${hook} ${action.copyTo}` : []))
    .toSorted((a, b) => b.localeCompare(a));
}

function foreignOf({ classifiers }: Observed): readonly Filter[] {
  return (classifiers['eth0']?.filters ?? []).filter(({ kind }) => kind === 'u32');
}

function key({ hook, handle, preference }: Pick<Filter, 'hook' | 'handle' | 'preference'>): string {
  return `${hook} ${preference} ${handle ?? 0}`;
}
