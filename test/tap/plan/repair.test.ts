import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dropAll, dropFrom, matchAll } from '#src/filter/bpf.ts';
import { aliasOf, handleOf, macOf, preferences } from '#src/tap/ownership/mark.ts';
import { planRemoval, planUndo } from '#src/tap/plan/removal.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import { copyProgram, seenProgram } from '#src/tap/programs/names.ts';
import { copiesTo as copyOf, type Filter, type Link, type Observed, type Desired } from '#src/tap/state.ts';
import {
  addedFilters,
  bare,
  copies,
  deadTap,
  eth0,
  id,
  lo,
  net1,
  none,
  receiver,
  sender,
  vxlan,
} from '../support/ends.ts';
import { applyAll, key } from '../support/kernel.ts';

describe('from any state that kokotap can leave behind', () => {
  for (const desired of [sender, receiver, { ...sender, device: { kind: 'veth' } } satisfies Desired]) {
    test(`a plan leads to the wanted ${desired.role} (${desired.device.kind}), and planning again gives nothing`, () => {
      fc.assert(
        fc.property(states(desired), (before) => {
          const after = applyAll(before, planRepairs(desired, before).steps);
          expect(planRepairs(desired, after)).toEqual({ steps: [] });
          expect(copiesTo(after)).toEqual(
            desired.copies === undefined ? [] : ['ingress mirror', 'egress mirror'],
          );
        }),
      );
    });

    test(`the removal of the ${desired.role} (${desired.device.kind}) leaves what others own, and nothing else`, () => {
      fc.assert(
        fc.property(states(desired), (before) => {
          const made = applyAll(before, planRepairs(desired, before).steps);
          const after = applyAll(made, planRemoval(desired, made));
          expect(planRemoval(desired, after)).toEqual([]);
          expect(after.links.map(({ name }) => name)).not.toContain('mirror');
          expect(foreignOf(after)).toEqual(foreignOf(before));
        }),
      );
    });

    test(`a repair of the ${desired.role} (${desired.device.kind}) that fails half-way undoes itself, and nothing else`, () => {
      fc.assert(
        fc.property(states(desired), fc.nat(), (before, fraction) => {
          const { steps } = planRepairs(desired, before);
          const now = applyAll(before, steps.slice(0, fraction % (steps.length + 1)));
          const after = applyAll(now, planUndo(desired, before, now));
          expect(marksIn(before)).toEqual(expect.arrayContaining(marksIn(after)));
          expect(marksIn(after)).toEqual(
            expect.arrayContaining(marksIn(before).filter((mark) => marksIn(now).includes(mark))),
          );
          expect(foreignOf(after)).toEqual(foreignOf(before));
          expect(after.links.find(({ name }) => name === 'eth0')).toEqual(eth0);
        }),
      );
    });
  }
});

describe('a removal', () => {
  test('ends the copies by its first step', () => {
    const made = applyAll(bare, planRepairs(sender, bare).steps);
    expect(planRemoval(sender, made)).toEqual([
      { do: 'delete link', link: 'mirror' },
      { do: 'delete clsact', link: 'eth0' },
    ]);
  });

  test('finds filters on an interface that was renamed', () => {
    const made = applyAll(bare, planRepairs(sender, bare).steps);
    const renamed = { ...eth0, name: 'eth0-nic' };
    const { eth0: classifier = none, ...rest } = made.classifiers;
    const after: Observed = {
      ...made,
      links: [renamed, ...made.links.filter(({ name }) => name !== 'eth0')],
      classifiers: { ...rest, 'eth0-nic': classifier },
    };
    expect(planRemoval(sender, after)).toContainEqual({ do: 'delete clsact', link: 'eth0-nic' });
    expect(planRepairs(sender, after)).toEqual({
      steps: [{ do: 'delete clsact', link: 'eth0-nic' }],
      missing: 'interface eth0 of the target, which has eth0-nic, mirror',
    });
  });
});

describe('a plan', () => {
  test('brings the device up before anything is copied to it', () => {
    const steps = planRepairs(sender, bare).steps.map((step) => `${step.do} ${step.link}`);
    expect(steps).toEqual([
      'add vxlan mirror',
      'set alias mirror',
      'silence mirror',
      'add clsact mirror',
      'add filter mirror',
      'add filter mirror',
      'add filter mirror',
      'set up mirror',
      'add clsact eth0',
      'add filter eth0',
      'add filter eth0',
      'add filter eth0',
      'add filter eth0',
    ]);
  });

  test('marks a qdisc by its filters before it makes the next one', () => {
    const desired: Desired = { ...sender, copies: { ...copies, from: ['eth0', 'net1'] } };
    const { steps } = planRepairs(desired, { ...bare, links: [eth0, net1] });
    const onTargets = steps.filter(({ link }) => link !== sender.ifname);
    const places = onTargets.map((step) => `${step.do} ${step.link}`);
    expect(places.filter((place, at) => place !== places[at - 1])).toEqual([
      'add clsact eth0',
      'add filter eth0',
      'add clsact net1',
      'add filter net1',
    ]);
  });

  test('waits for the target interface and names those there are', () => {
    const desired: Desired = { ...sender, copies: { ...copies, from: ['net1'] } };
    expect(planRepairs(desired, bare)).toEqual({
      steps: [],
      missing: 'interface net1 of the target, which has eth0',
    });
  });

  test('waits for every interface that is named, and copies from each', () => {
    const desired: Desired = { ...sender, copies: { ...copies, from: ['eth0', 'net1', 'net2'] } };
    expect(planRepairs(desired, { ...bare, links: [eth0, net1] }).missing).toBe(
      'interface net2 of the target, which has eth0, net1',
    );
    expect(planRepairs(desired, bare).missing).toBe('interface net1 and net2 of the target, which has eth0');
    const steps = planRepairs(desired, { ...bare, links: [eth0, net1, { ...net1, name: 'net2' }] }).steps;
    expect(addedFilters(steps, 'net1')).toEqual(addedFilters(steps, 'eth0'));
    expect(addedFilters(steps, 'net2')).toEqual(addedFilters(steps, 'eth0'));
  });

  test('of all interfaces leaves out mirror devices and those without an Ethernet header', () => {
    const desired: Desired = { ...sender, copies: { ...copies, from: 'all' } };
    const links: Link[] = [
      lo,
      eth0,
      { ...net1, name: 'other', alias: aliasOf({ id: deadTap, ownQdiscs: [] }) },
      { ...net1, name: 'new', mac: macOf(deadTap, 'receiver') },
      { ...net1, name: 'tun0', type: 'none' },
    ];
    const made = applyAll({ ...bare, links, liveTaps: new Set([id, deadTap]) }, [
      ...planRepairs(desired, { ...bare, links, liveTaps: new Set([id, deadTap]) }).steps,
    ]);
    expect(Object.keys(made.classifiers).toSorted()).toEqual(['eth0', 'lo', 'mirror']);
    expect(planRepairs(desired, made).steps).toEqual([]);
    const later: Observed = { ...made, links: [...made.links, net1] };
    const steps = planRepairs(desired, later).steps;
    expect(addedFilters(steps, 'net1')).toHaveLength(4);
    expect(steps.map((step) => step.link).filter((link) => link !== 'net1')).toEqual(['mirror']);
    const left = applyAll(made, planRemoval(desired, made));
    expect(left.classifiers).toEqual({ eth0: none, lo: none });
  });

  test('copies what passes lo once', () => {
    const links = [lo];
    for (const [hooks, copied] of [
      [['ingress', 'egress'], ['ingress']],
      [['ingress'], ['ingress']],
      [['egress'], ['egress']],
    ] as const) {
      const desired: Desired = { ...sender, copies: { ...copies, from: ['lo'], hooks } };
      const { steps } = planRepairs(desired, { ...bare, links });
      expect([...new Set(addedFilters(steps, 'lo').map(({ hook }) => hook))]).toEqual(copied);
    }
  });

  test('refuses an interface whose packets have no Ethernet header', () => {
    const desired: Desired = { ...sender, copies: { ...copies, from: ['eth0', 'tun0'] } };
    expect(() =>
      planRepairs(desired, { ...bare, links: [eth0, { ...net1, name: 'tun0', type: 'none' }] }),
    ).toThrow(
      'Interface tun0 has no Ethernet header on its packets (it is of type none), so their copies could not be read: leave it out of --pod-ifname',
    );
  });

  test.each([
    ['the filters of one interface', (made: Observed) => withoutFilters(made, 'net1')],
    ['the device', (made: Observed) => applyAll(made, [{ do: 'delete link', link: 'mirror' }])],
  ])('of several interfaces removes its qdiscs after the loss of %s', (_, lose) => {
    const desired: Desired = { ...sender, copies: { ...copies, from: ['eth0', 'net1'] } };
    const foreign: Observed = {
      ...bare,
      links: [eth0, net1],
      classifiers: { eth0: { qdisc: 'clsact', filters: [] }, net1: none },
    };
    const left = lose(applyAll(foreign, planRepairs(desired, foreign).steps));
    expect(applyAll(left, planRemoval(desired, left)).classifiers).toEqual(foreign.classifiers);
    const again = applyAll(left, planRepairs(desired, left).steps);
    expect(applyAll(again, planRemoval(desired, again)).classifiers).toEqual(foreign.classifiers);
  });

  test("of a receiver on the same node waits for the sender's veth pair", () => {
    const desired: Desired = { ...receiver, device: { kind: 'veth' } };
    expect(planRepairs(desired, bare).missing).toBe('device mirror, which the sender makes');
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
      const filters: Filter[] = [{ hook: 'ingress', preference: preferences.filter, kind, handle: 1 }];
      const taken: Observed = { ...bare, classifiers: { eth0: { qdisc: 'clsact', filters } } };
      expect(() => planRepairs(sender, taken)).toThrow(
        `preference ${preferences.filter} at the ingress of eth0 is taken`,
      );
    }
  });

  test('keeps the qdisc mark that filters of another tap carry', () => {
    const filters: Filter[] = [copyFilter('ingress', deadTap, 'other', true)];
    const shared: Observed = {
      links: [eth0, { ...eth0, name: 'other', alias: aliasOf({ id: deadTap, ownQdiscs: ['eth0'] }) }],
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
function states(desired: Desired): fc.Arbitrary<Observed> {
  const mirror = fc.record({
    mark: fc.constantFrom(
      { alias: '', mac: desired.mac },
      { alias: `kokotap:${id}`, mac: desired.mac },
      { alias: `kokotap:${id}:clsact=eth0`, mac: desired.mac },
      { alias: `kokotap:${id}`, mac: '02:00:00:00:00:09' },
      { alias: `kokotap:${deadTap}`, mac: macOf(deadTap, desired.role) },
    ),
    kind: fc.constantFrom('vxlan', 'veth'),
    vni: fc.constantFrom(100, 101),
    udpChecksum: fc.boolean(),
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
      fc.constantFrom(preferences.filter, preferences.copy),
      fc.constantFrom(dropAll, dropFrom(desired.mac), copyProgram('copy.o'), copyProgram('other.o')),
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
  const seenFilter = fc
    .tuple(
      fc.constantFrom('ingress', 'egress'),
      fc.constantFrom(id, deadTap),
      fc.constantFrom('copy.o', 'other.o'),
    )
    .map(([hook, tap, object]): Filter => ({
      hook,
      preference: preferences.seen,
      kind: 'bpf',
      handle: handleOf(tap, true),
      program: seenProgram(object, hook),
      action: 'direct',
    }));
  const eth0Filters = fc.uniqueArray(fc.oneof(ownFilter, seenFilter, foreignFilter), {
    selector: key,
    maxLength: 6,
  });
  const mirrorFilters = fc.uniqueArray(dropFilter, { selector: key });
  return fc
    .record({
      mirror: fc.option(mirror, { nil: undefined }),
      eth0Filters,
      mirrorFilters,
      hasQdisc: fc.boolean(),
      mirrorQdisc: fc.boolean(),
      merging: fc.boolean(),
    })
    .map(({ mirror: device, eth0Filters: filters, mirrorFilters: drops, hasQdisc, mirrorQdisc, merging }) => {
      const link: Link | undefined = device && {
        ...eth0,
        name: 'mirror',
        ...device.mark,
        kind: device.kind,
        up: device.up,
        silent: device.silent,
        mtuBytes: device.mtuBytes,
        vxlan:
          device.kind === 'vxlan'
            ? { ...vxlan, vni: device.vni, udpChecksum: device.udpChecksum }
            : undefined,
      };
      // The receiver has no target; of a veth pair the sender's half is what is looked at here.
      const targetFilters = desired.copies === undefined ? [] : filters;
      return {
        links: [eth0, ...(link === undefined ? [] : [link])],
        merging: link && merging,
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
  return { hook, preference: preferences.filter, kind: 'bpf', handle, program: matchAll, action: { copyTo } };
}

function withoutFilters(state: Observed, link: string): Observed {
  const { qdisc } = state.classifiers[link] ?? none;
  return { ...state, classifiers: { ...state.classifiers, [link]: { qdisc, filters: [] } } };
}

function copiesTo({ classifiers }: Observed): string[] {
  return (classifiers['eth0']?.filters ?? [])
    .flatMap((filter) => (copyOf(filter) === undefined ? [] : `${filter.hook} ${copyOf(filter)}`))
    .toSorted((a, b) => b.localeCompare(a));
}

/** The devices, qdiscs and filters there are, by what a repair cannot change of them. */
function marksIn({ links, classifiers }: Observed): string[] {
  const names = new Map(links.map(({ name, mac }) => [name, `${name} ${mac}`]));
  const on = Object.entries(classifiers).flatMap(([name, classifier]) => {
    const link = names.get(name);
    return link === undefined ? [] : [{ link, ...classifier }];
  });
  return [
    ...names.values(),
    ...on.flatMap(({ link, qdisc }) => (qdisc === 'none' ? [] : [`${qdisc} on ${link}`])),
    ...on.flatMap(({ link, filters }) => filters.map((filter) => `filter ${key(filter)} on ${link}`)),
  ];
}

function foreignOf({ classifiers }: Observed): readonly Filter[] {
  return (classifiers['eth0']?.filters ?? []).filter(({ kind }) => kind === 'u32');
}
