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
