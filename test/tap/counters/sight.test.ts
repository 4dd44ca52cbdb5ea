import { describe, expect, test } from 'vitest';
import { handleOf } from '#src/tap/ownership/mark.ts';
import {
  carriedAt,
  isBlind,
  isSuspect,
  isWorthReading,
  judge,
  lookoutsOf,
  type Sighting,
} from '#src/tap/counters/sight.ts';
import type { Filter } from '#src/tap/state.ts';
import { bare, deadTap, id, sender } from '../support/ends.ts';

const at = { ifname: 'eth0', hook: 'ingress', programId: 7 } as const;
const first: Sighting = { programId: 7, carried: 100, seen: 50, misses: 0 };

/** What comes of so many more packets, of which so many were seen. */
function next(last: Sighting, carried: number, seen: number): Sighting {
  const now = last.carried + carried;
  return judge(last, at, last.seen + seen, { before: now, after: now });
}

test('the hooks that are counted at are those of the tap itself, whose programs are loaded', () => {
  const seen: Filter = {
    hook: 'ingress',
    preference: 6,
    kind: 'bpf',
    handle: handleOf(id, true),
    program: 'copy.o:[tc/seen_ingress]',
    programId: 7,
  };
  const filters = [
    seen,
    { ...seen, hook: 'egress', program: 'copy.o:[tc/seen_egress]', programId: 8 } as const,
    { ...seen, handle: handleOf(deadTap, true) },
    { ...seen, program: 'copy.o:[tc/copy]' },
    { ...seen, program: undefined },
    { ...seen, programId: undefined },
  ];
  const classifiers = { eth0: { qdisc: 'clsact', filters } as const };
  expect(lookoutsOf(sender, { ...bare, classifiers })).toEqual([
    at,
    { ifname: 'eth0', hook: 'egress', programId: 8 },
  ]);
});

test('an interface carries at a hook what it receives or sends', () => {
  const netDev = '  eth0: 800 12 0 0 0 0 0 0 900 34 0 0 0 0 0 0\n';
  expect(carriedAt(at, netDev)).toBe(12);
  expect(carriedAt({ ...at, hook: 'egress' }, netDev)).toBe(34);
});

describe('what the program saw is read', () => {
  test.each([
    ['at first', undefined, 100, true],
    ['of a program that is new', { ...first, programId: 6 }, 100, true],
    ['of an interface that is new', first, 99, true],
    ['not for a few packets', first, 109, false],
    ['for some', first, 110, true],
  ])('%s', (_, last, carried, isRead) => {
    expect(isWorthReading(last, at, carried)).toBe(isRead);
  });
});

describe('a tap', () => {
  test('is blind when twice next to nothing was seen', () => {
    const once = next(first, 100, 4);
    expect([isSuspect(once), isBlind(once)]).toEqual([true, false]);
    const twice = next(once, 10, 0);
    expect([isSuspect(twice), isBlind(twice)]).toEqual([false, true]);
    expect(isBlind(next(twice, 10, 0))).toBe(true);
  });

  test('is not when one in twenty was seen, and no more when it was', () => {
    const blind = next(next(first, 10, 0), 10, 0);
    const again = next(blind, 100, 5);
    expect([isSuspect(again), isBlind(again)]).toEqual([false, false]);
  });

  test('is as it was while too little comes', () => {
    const once = next(first, 10, 0);
    expect(next(once, 9, 0)).toBe(once);
  });

  test('is judged anew where a count began anew', () => {
    const once = next(first, 10, 0);
    const anew = { carried: 1000, misses: 0 };
    const times = { before: 900, after: 1000 };
    expect(judge(once, at, once.seen - 1, times)).toEqual({ ...anew, programId: 7, seen: 49 });
    expect(judge(once, { ...at, programId: 8 }, 60, times)).toEqual({ ...anew, programId: 8, seen: 60 });
    expect(judge({ ...once, carried: 901 }, at, 60, times)).toEqual({ ...anew, programId: 7, seen: 60 });
  });

  test('is not blamed for what came while its count was read', () => {
    const begun = judge(undefined, at, 0, { before: 0, after: 500 });
    expect(judge(begun, at, 0, { before: 500, after: 500 })).toBe(begun);
  });
});
