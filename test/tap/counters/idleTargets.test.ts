import { describe, expect, test } from 'vitest';
import { idleTargets } from '#src/tap/counters/idleTargets.ts';
import type { Link } from '#src/tap/state.ts';
import { bare, copies, eth0, id, lo, net1 } from '../support/ends.ts';

const mirror: Link = { ...net1, name: 'mirror', alias: `kokotap:${id}` };
const down: Link = { ...eth0, up: false };

/** What is said of links that carried so many packets lately, and so many ever. */
function said(
  links: readonly Link[],
  lately: Record<string, number>,
  ever: Record<string, number> = lately,
): string | undefined {
  const carried = {
    lately: (ifname: string) => lately[ifname] ?? 0,
    ever: (ifname: string) => ever[ifname] ?? 0,
  };
  return idleTargets(copies, { ...bare, links }, carried);
}

/** The interfaces that are named as busy. */
function names(text: string | undefined): string | undefined {
  return /pass (.*):/.exec(text ?? '')?.[1];
}

describe('a target that is up', () => {
  test('is idle if it carries nothing while another carries a hundred packets', () => {
    expect(said([eth0, net1], { net1: 99 })).toBe(undefined);
    expect(said([eth0, net1], { net1: 100 })).toBe(
      'eth0 carries nothing, while packets pass net1: if that is meant, give it with --pod-ifname',
    );
    expect(said([eth0, net1], { eth0: 1, net1: 100 })).toBe(undefined);
  });

  test('is not for what the loopback, a mirror or an interface that is down carried', () => {
    const other: Link = { ...net1, up: false };
    expect(said([eth0, lo, mirror, other], { lo: 500, mirror: 500, net1: 500 })).toBe(undefined);
  });

  test('is not for what others carried before the tap', () => {
    expect(said([eth0, net1], {}, { net1: 500 })).toBe(undefined);
  });
});

describe('a target that is down', () => {
  test('is told with those that carry something, or did', () => {
    const net2: Link = { ...net1, name: 'net2' };
    expect(said([down, net1], {})).toBe('eth0 is down');
    expect(names(said([down, net1, net2], {}, { net1: 1 }))).toBe('net1');
    expect(names(said([down, net1, net2], { net2: 100 }, { net1: 1, net2: 100 }))).toBe('net2');
  });

  test('is told with others that are idle', () => {
    const links = [down, net1, { ...net1, name: 'net2' }];
    const two = { ...copies, from: ['eth0', 'net1'] };
    const carried = { lately: (ifname: string) => (ifname === 'net2' ? 100 : 0), ever: () => 0 };
    expect(idleTargets(two, { ...bare, links }, carried)).toMatch(
      /^eth0 is down and net1 carries nothing, while packets pass net2/,
    );
  });
});

test('a tap of all interfaces has no idle ones, and a receiver has no targets', () => {
  const carried = { lately: () => 100, ever: () => 100 };
  const observed = { ...bare, links: [down, net1] };
  expect(idleTargets({ ...copies, from: 'all' }, observed, carried)).toBe(undefined);
  expect(idleTargets(undefined, observed, carried)).toBe(undefined);
});

test('a target by another name is one', () => {
  const links = [{ ...down, altNames: ['enp1s0'] }];
  const none = { lately: () => 0, ever: () => 0 };
  expect(idleTargets({ ...copies, from: ['enp1s0'] }, { ...bare, links }, none)).toBe('eth0 is down');
});
