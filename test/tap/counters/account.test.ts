import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { directionAccount, refusedBefore } from '#src/tap/counters/account.ts';

test('every packet seen is in one place, also when an interface took its counts along', () => {
  const counted = fc.record({
    notMatching: fc.nat(1000),
    matched: fc.nat(1000),
    sampledOut: fc.nat(1000),
    shed: fc.nat(1000),
    unfit: fc.nat(1000),
    copied: fc.nat(1000),
    unmeasured: fc.nat(1000),
  });
  fc.assert(
    fc.property(counted, ({ notMatching, ...counts }) => {
      const seen = notMatching + counts.matched + counts.unmeasured;
      const all = { ...counts, seen, copiedBytes: 0 };
      const account = directionAccount(all);
      expect(account.seenPackets).toBe(
        account.notMatchingPackets +
          account.sampledOutPackets +
          account.shedPackets +
          account.unfitPackets +
          account.copiedPackets,
      );
      expect(account.notMatchingPackets).toBe(notMatching);
      expect(account.copiedPackets).toBe(counts.copied + refusedBefore(all));
    }),
  );
});

/** What one direction counted, where nothing was left out. */
const nothing = {
  seen: 0,
  matched: 0,
  sampledOut: 0,
  shed: 0,
  unfit: 0,
  copied: 0,
  copiedBytes: 640,
  unmeasured: 0,
};
const counted = { ...nothing, seen: 10, matched: 10, copied: 10 };

test('each reason to leave a packet out has a number of its own', () => {
  expect(directionAccount({ ...counted, seen: 100, sampledOut: 3, shed: 2, unfit: 1, copied: 4 })).toEqual({
    seenPackets: 100,
    notMatchingPackets: 90,
    sampledOutPackets: 3,
    shedPackets: 2,
    unfitPackets: 1,
    copiedPackets: 4,
    copiedBytes: 640,
  });
});

test('what became of copies counts as seen, when the interface that counted them is gone', () => {
  const gone = { ...nothing, sampledOut: 3, shed: 2, copied: 5 };
  expect(directionAccount(gone)).toMatchObject({ seenPackets: 10, notMatchingPackets: 0, copiedPackets: 5 });
  expect(refusedBefore(gone)).toBe(0);
});

test('copies of which the mirror device knows nothing were refused before it', () => {
  expect(refusedBefore({ ...counted, sampledOut: 1, shed: 2, unfit: 1, copied: 3 })).toBe(3);
  expect(refusedBefore(counted)).toBe(0);
});

test('packets that only the program on the mirror device could measure were copied too', () => {
  const unmeasured = { ...counted, matched: 4, unmeasured: 6 };
  expect(directionAccount(unmeasured)).toMatchObject({ notMatchingPackets: 0, copiedPackets: 10 });
  expect(refusedBefore(unmeasured)).toBe(0);
});
