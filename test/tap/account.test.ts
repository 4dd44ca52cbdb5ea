import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { directionAccount, refusedBefore } from '#src/tap/account.ts';

test('every packet seen is in one place, also when an interface took its counts along', () => {
  const count = fc.nat(1000);
  fc.assert(
    fc.property(count, count, count, count, count, (matched, notMatching, sampledOut, shed, copied) => {
      const counted = { seen: matched + notMatching, matched, sampledOut, shed, copied, copiedBytes: 0 };
      const account = directionAccount(counted);
      expect(account.seenPackets).toBe(
        account.notMatchingPackets + account.sampledOutPackets + account.shedPackets + account.copiedPackets,
      );
      expect(account.notMatchingPackets).toBe(notMatching);
      expect(account.copiedPackets).toBe(copied + refusedBefore(counted));
    }),
  );
});

/** What one direction counted, where nothing was left out. */
const counted = { seen: 10, matched: 10, sampledOut: 0, shed: 0, copied: 10, copiedBytes: 640 };

test('each reason to leave a packet out has a number of its own', () => {
  expect(directionAccount({ ...counted, seen: 100, sampledOut: 3, shed: 2, copied: 5 })).toEqual({
    seenPackets: 100,
    notMatchingPackets: 90,
    sampledOutPackets: 3,
    shedPackets: 2,
    copiedPackets: 5,
    copiedBytes: 640,
  });
});

test('what became of copies counts as seen, when the interface that counted them is gone', () => {
  const gone = { seen: 0, matched: 0, sampledOut: 3, shed: 2, copied: 5, copiedBytes: 640 };
  expect(directionAccount(gone)).toMatchObject({ seenPackets: 10, notMatchingPackets: 0, copiedPackets: 5 });
  expect(refusedBefore(gone)).toBe(0);
});

test('copies of which the mirror device knows nothing were refused before it', () => {
  expect(refusedBefore({ ...counted, sampledOut: 1, shed: 2, copied: 3 })).toBe(4);
  expect(refusedBefore(counted)).toBe(0);
});
