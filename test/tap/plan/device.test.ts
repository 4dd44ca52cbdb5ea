import { describe, expect, test } from 'vitest';
import { dropAll, dropFrom } from '#src/filter/bpf.ts';
import { aliasOf, handleOf, macOf, preferences } from '#src/tap/ownership/mark.ts';
import { planRemoval } from '#src/tap/plan/removal.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import type { Link, Observed, Step, Vxlan, Desired } from '#src/tap/state.ts';
import { addedFilters, bare, deadTap, eth0, id, receiver, sender, vxlan } from '../support/ends.ts';
import { applyAll } from '../support/kernel.ts';

const vethSender: Desired = { ...sender, device: { kind: 'veth' } };
const vethReceiver: Desired = { ...receiver, device: { kind: 'veth' }, mtuBytes: undefined };

/** What the kernel has when the end is as wanted. */
function madeFor(desired: Desired): Observed {
  return applyAll(bare, planRepairs(desired, bare).steps);
}

/** The state with the mirror device changed. */
function withMirror(state: Observed, change: Partial<Link>): Observed {
  const others = state.links.filter(({ name }) => name !== 'mirror');
  const mirror = state.links.find(({ name }) => name === 'mirror');
  return { ...state, links: [...others, ...(mirror ? [{ ...mirror, ...change }] : [])] };
}

/** The namespace with another device, and another tap running. */
function beside(link: Link): Observed {
  return { ...bare, links: [eth0, link], liveTaps: new Set([deadTap]) };
}

function steps(desired: Desired, observed: Observed): string[] {
  return planRepairs(desired, observed).steps.map((step) => `${step.do} ${step.link}`);
}

describe('the device that is made', () => {
  test('is a VXLAN device with the address that marks it', () => {
    expect(planRepairs(sender, bare).steps[0]).toEqual({
      do: 'add vxlan',
      link: 'mirror',
      mac: macOf(id, 'sender'),
      vxlan,
    } satisfies Step);
  });

  test('is on one node a veth pair, of which each half has the mark of its end', () => {
    expect(planRepairs(vethSender, bare).steps[0]).toEqual({
      do: 'add veth pair',
      link: 'mirror',
      mac: macOf(id, 'sender'),
      peerMac: macOf(id, 'receiver'),
      otherName: 'mirror',
      mtuBytes: 1500,
    } satisfies Step);
  });

  test.each([
    [1400, 1500],
    [9000, 9000],
    [65_536, 65_535],
  ])('is a pair whose MTU takes packets of %i bytes', (target, mtuBytes) => {
    const observed: Observed = { ...bare, links: [{ ...eth0, mtuBytes: target }] };
    expect(planRepairs(vethSender, observed).steps[0]).toMatchObject({ do: 'add veth pair', mtuBytes });
    const grown = {
      ...madeFor(vethSender),
      links: withMirror(madeFor(vethSender), { mtuBytes: 1400 }).links,
    };
    expect(steps(vethSender, grown)).toEqual(['set mtu of other half mirror', 'set mtu mirror']);
  });

  test('is a pair that finishes packets, which no network card does for it', () => {
    expect(steps(vethSender, bare)).toContain('finish packets mirror');
    expect(steps(vethSender, { ...madeFor(vethSender), unfinished: true })).toEqual([
      'finish packets mirror',
    ]);
  });

  test('of a receiver merges nothing and has an MTU', () => {
    expect(planRepairs(receiver, bare).steps.slice(0, 5)).toEqual([
      { do: 'add vxlan', link: 'mirror', mac: macOf(id, 'receiver'), vxlan },
      { do: 'set alias', link: 'mirror', alias: aliasOf({ id, ownQdiscs: [] }) },
      { do: 'silence', link: 'mirror' },
      { do: 'set mtu', link: 'mirror', mtuBytes: 1450 },
      { do: 'stop merging', link: 'mirror' },
    ] satisfies Step[]);
  });

  test('of a receiver ceases to merge, and that of a sender, which receives nothing, may', () => {
    expect(steps(receiver, { ...madeFor(receiver), merging: true })).toEqual(['stop merging mirror']);
    expect(steps(sender, { ...madeFor(sender), merging: true })).toEqual([]);
  });

  test('of a receiver on one node is the half that the sender made, which may merge', () => {
    const half: Link = { ...eth0, name: 'mirror', mac: macOf(id, 'receiver'), up: false };
    const there: Observed = { ...bare, links: [eth0, half], merging: true };
    expect(planRepairs(vethReceiver, there).missing).toBeUndefined();
    expect(steps(vethReceiver, there)).toEqual([
      'set alias mirror',
      'silence mirror',
      'add clsact mirror',
      'add filter mirror',
      'add blackhole mirror',
      'set up mirror',
    ]);
  });
});

describe('the filters of the device', () => {
  const direct = { handle: handleOf(id, true), action: 'direct' } as const;
  const dropped = { ...direct, hook: 'ingress', preference: preferences.filter, program: dropAll };
  const onlyCopies = {
    ...direct,
    hook: 'egress',
    preference: preferences.filter,
    program: dropFrom(sender.mac),
  };
  const copyProgram = {
    ...direct,
    hook: 'egress',
    preference: preferences.copy,
    program: 'copy.o:[tc/copy]',
  };
  const readReport = {
    ...direct,
    hook: 'ingress',
    preference: preferences.readReport,
    program: 'copy.o:[tc/read_report]',
  };

  test.each([
    ['a sender', sender, [dropped, copyProgram, readReport]],
    ['a sender without eBPF', { ...sender, object: undefined }, [dropped, onlyCopies]],
    ['a sender on one node', vethSender, [dropped, copyProgram]],
    ['a sender on one node without eBPF', { ...vethSender, object: undefined }, [dropped, onlyCopies]],
    ['a receiver, which sends nothing', receiver, [dropped]],
  ] satisfies [string, Desired, object[]][])('of %s', (_, desired, filters) => {
    expect(addedFilters(planRepairs(desired, bare).steps, 'mirror')).toEqual(filters);
  });
});

describe('a device that cannot be made right is made anew', () => {
  test.each<[string, Partial<Link>]>([
    ['another address', { mac: '02:00:00:00:00:01' }],
    ['another kind', { kind: 'dummy' }],
    ['no tunnel between two addresses', { vxlan: undefined }],
    ['another VNI', { vxlan: { ...vxlan, vni: 101 } }],
    ['another port', { vxlan: { ...vxlan, port: 8472 } }],
    ['another local address', { vxlan: { ...vxlan, local: '192.0.2.9' } }],
    ['another remote address', { vxlan: { ...vxlan, remote: '192.0.2.9' } }],
    ['UDP checksums', { vxlan: { ...vxlan, udpChecksum: true } }],
  ])('%s', (_, change) => {
    const wrong = withMirror(madeFor(sender), change);
    expect(steps(sender, wrong).slice(0, 2)).toEqual(['delete link mirror', 'add vxlan mirror']);
  });

  test('its name', () => {
    const renamed = withMirror(madeFor(sender), { name: 'renamed' });
    expect(steps(sender, renamed).slice(0, 2)).toEqual(['delete link renamed', 'add vxlan mirror']);
  });

  test.each<[string, Partial<Link>, string]>([
    ['alias', { alias: '' }, 'set alias mirror'],
    ['silence', { silent: false }, 'silence mirror'],
    ['being up', { up: false }, 'set up mirror'],
  ])('but its %s is set', (_, change, step) => {
    expect(steps(sender, withMirror(madeFor(sender), change))).toEqual([step]);
  });

  test('nor for its MTU', () => {
    expect(steps(receiver, { ...withMirror(madeFor(receiver), { mtuBytes: 1500 }), merging: false })).toEqual(
      ['set mtu mirror'],
    );
  });
});

describe("a device of another's", () => {
  const other: Link = { ...eth0, name: 'vxlan5', kind: 'vxlan', vxlan };

  test.each([
    ['name', { ...other, name: 'mirror', vxlan: undefined }, 'Interface mirror exists WHERE and'],
    ['VNI and port', other, 'VNI 100 is used by interface vxlan5 WHERE, which'],
  ])('with the same %s is refused, and stays', (_, link, words) => {
    const choose =
      link.name === 'mirror' ? 'delete it or choose another --ifname' : 'choose another --vxlan-id';
    for (const [desired, where] of [
      [sender, "in the target's network namespace"],
      [receiver, 'on this node'],
    ] as const) {
      const message = words.replace('WHERE', where);
      expect(() => planRepairs(desired, beside(link))).toThrow(`${message} is not kokotap's: ${choose}`);
      const running = { ...link, alias: aliasOf({ id: deadTap, ownQdiscs: [] }) };
      expect(() => planRepairs(desired, beside(running))).toThrow(
        `${message} belongs to the running tap ${deadTap}: ${choose}`,
      );
      expect(planRemoval(desired, beside(link))).toEqual([]);
    }
  });

  test.each<[string, Partial<Vxlan>]>([
    ['VNI', { vni: 101 }],
    ['port', { port: 8472 }],
  ])('with another %s is not in the way', (_, change) => {
    const link = { ...other, vxlan: { ...vxlan, ...change } };
    expect(steps(sender, beside(link))).toEqual(steps(sender, bare));
    expect(steps(vethSender, beside(other))).toEqual(steps(vethSender, bare));
  });

  test('of a tap that no longer runs gives way', () => {
    const left = { ...other, alias: aliasOf({ id: deadTap, ownQdiscs: [] }) };
    expect(steps(sender, { ...beside(left), liveTaps: new Set() })[0]).toBe('delete link vxlan5');
  });

  test('is not removed for having a name of our choice elsewhere', () => {
    const elsewhere = { ...other, alias: aliasOf({ id, ownQdiscs: [] }) };
    expect(planRemoval(sender, beside(elsewhere))).toEqual([]);
  });
});
