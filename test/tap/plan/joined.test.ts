import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aliasOf, joinedDeviceName, joinedId, macOf } from '#src/tap/ownership/mark.ts';
import { withLiveJoined } from '#src/tap/plan/joined.ts';
import { planRemoval, planUndo } from '#src/tap/plan/removal.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import { planSweep } from '#src/tap/plan/sweep.ts';
import type { Desired, Link, Observed } from '#src/tap/state.ts';
import { deadTap, eth0, id, none, receiver, vxlan } from '../support/ends.ts';
import { applyAll } from '../support/kernel.ts';

const ids = [id, deadTap, '5566778899aa'];
const members: readonly Desired[] = ids.map((tap, at) => ({
  ...receiver,
  id: tap,
  ifname: joinedDeviceName(tap),
  joinedInto: 'mirror',
  mac: macOf(tap, 'receiver'),
  device: { kind: 'vxlan', ...vxlan, vni: 100 + at },
}));
const [first = receiver, second = receiver] = members;
const node: Observed = { links: [eth0], merging: false, classifiers: {}, liveTaps: new Set(ids) };

describe('endpoints that are joined', () => {
  test('each hand over to one interface, which is made before the first of them', () => {
    const steps = planRepairs(first, node).steps.map((step) => `${step.do} ${step.link}`);
    expect(steps).toEqual([
      'add ifb mirror',
      'set alias mirror',
      'silence mirror',
      'add clsact mirror',
      'add filter mirror',
      'add blackhole mirror',
      'set up mirror',
      `add vxlan kt-${id}`,
      `set alias kt-${id}`,
      `silence kt-${id}`,
      `set mtu kt-${id}`,
      `stop merging kt-${id}`,
      `add clsact kt-${id}`,
      `add filter kt-${id}`,
      `add blackhole kt-${id}`,
      `set up kt-${id}`,
    ]);
    const made = join(node, first);
    expect(made.classifiers[`kt-${id}`]?.filters).toMatchObject([
      { hook: 'ingress', action: { redirectTo: 'mirror' } },
    ]);
    expect(made.classifiers['mirror']?.filters).toMatchObject([{ hook: 'ingress', action: 'direct' }]);
    const others = planRepairs(second, made).steps.map(({ link }) => link);
    expect(new Set(others)).toEqual(new Set([second.ifname]));
  });

  test('come, change and go in any order: the interface is there while one of them is, and nothing is afterwards', () => {
    const turn = fc.record({ at: fc.nat({ max: members.length - 1 }), comes: fc.boolean() });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 12 }), (turns) => {
        const there = new Set<Desired>();
        let state = node;
        for (const { at, comes } of turns) {
          const member = members[at] ?? first;
          state = comes ? join(state, member) : leave(state, member);
          if (comes) there.add(member);
          else there.delete(member);
          for (const each of there) expect(planRepairs(each, state)).toEqual({ steps: [] });
          const names = [...there].map(({ ifname }) => ifname);
          expect(state.links.map(({ name }) => name).toSorted()).toEqual(
            ['eth0', ...names, ...(names.length > 0 ? ['mirror'] : [])].toSorted(),
          );
        }
        for (const member of there) state = leave(state, member);
        expect(state).toEqual(node);
      }),
    );
  });

  test('repair what was done to the interface, whichever of them looks first', () => {
    const made = join(join(node, first), second);
    const links = made.links.map((link) => (link.name === 'mirror' ? { ...link, up: false } : link));
    const damaged: Observed = { ...made, links, classifiers: { ...made.classifiers, mirror: none } };
    for (const member of [first, second]) {
      const steps = planRepairs(member, damaged).steps.map((step) => `${step.do} ${step.link}`);
      expect(steps).toEqual([
        'add clsact mirror',
        'add filter mirror',
        'add blackhole mirror',
        'set up mirror',
      ]);
    }
  });

  test.each<[string, Partial<Link>, string]>([
    ["somebody else's interface", {}, "exists on this node and is not kokotap's"],
    [
      'the device of a running tap',
      { kind: 'vxlan', alias: aliasOf({ id: deadTap, ownQdiscs: [] }) },
      `exists on this node and belongs to the running tap ${deadTap}`,
    ],
  ])('do not take %s for the one they are joined into', (_, change, words) => {
    const taken: Link = { ...eth0, name: 'mirror', ...change };
    expect(() => planRepairs(first, { ...node, links: [eth0, taken] })).toThrow(
      `Interface mirror ${words}: delete it or choose another --ifname`,
    );
  });

  test('undo what failed half-way, and leave what another one is joined into', () => {
    for (const [before, mirrorStays] of [
      [node, false],
      [join(node, second), true],
    ] as const) {
      const { steps } = planRepairs(first, before);
      for (let count = 0; count <= steps.length; count++) {
        const now = applyAll(before, steps.slice(0, count));
        const after = applyAll(now, planUndo(first, before, now));
        expect(after.links).toEqual(before.links);
        expect(after.links.some(({ name }) => name === 'mirror')).toBe(mirrorStays);
      }
    }
  });

  test('are swept when their taps are dead, and the interface with the last of them', () => {
    const made = join(join(node, first), second);
    const oneDead = applyAll(made, planSweep(new Set([id]), { ...made, liveTaps: new Set([deadTap]) }));
    expect(oneDead.links.map(({ name }) => name)).toEqual(['eth0', 'mirror', second.ifname]);
    const bothDead = applyAll(
      made,
      planSweep(new Set([id, deadTap]), { ...made, liveTaps: new Set<string>() }),
    );
    expect(bothDead.links).toEqual(node.links);
  });
});

test('the interface is alive while a running tap is joined into it', () => {
  const { links } = join(node, first);
  expect(withLiveJoined(new Set([id]), links)).toEqual(new Set([id, joinedId]));
  expect(withLiveJoined(new Set([deadTap]), links)).toEqual(new Set([deadTap]));
  expect(withLiveJoined(new Set([id]), node.links)).toEqual(new Set([id]));
});

function join(state: Observed, member: Desired): Observed {
  return settled(applyAll(state, planRepairs(member, withJoined(state)).steps));
}

function leave(state: Observed, member: Desired): Observed {
  return settled(applyAll(state, planRemoval(member, withJoined(state))));
}

/** As an agent sees it: the interface is one of its live taps' things. */
function withJoined(state: Observed): Observed {
  return { ...state, liveTaps: withLiveJoined(state.liveTaps, state.links) };
}

/** The kernel of the tests has one such setting for all devices. */
function settled({ links, classifiers, liveTaps }: Observed): Observed {
  return { links, merging: false, classifiers, liveTaps };
}
