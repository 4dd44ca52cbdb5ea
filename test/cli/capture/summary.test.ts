import { expect, test } from 'vitest';
import { isComplete, summary } from '#src/cli/capture/summary.ts';

const none = { packets: 1, bytes: 5, targets: 1, dropped: 0, lost: 0, cutShort: [] };

test('says what came', () => {
  const totals = { ...none, packets: 12_431, bytes: 3_100_000, targets: 3 };
  expect(summary(totals, { seconds: 12.4, name: 'web.pcapng', written: 12_431 })).toBe(
    'web.pcapng: 12,431 packets (3.1 MB) of 3 targets in 12 s, none lost',
  );
  expect(summary(none, { seconds: 0.2, name: undefined, written: 1 })).toBe(
    '1 packet (5 B) of 1 target in 0 s, none lost',
  );
  expect(isComplete(none)).toBe(true);
});

test.for([
  [
    { dropped: 7 },
    '7 packets lost in the kernel, which had no room: --filter and --snaplen=128 make less, --spool=1G keeps more',
  ],
  [{ lost: 1 }, '1 packet lost on the way'],
  [{ cutShort: ['node-a#1'] }, 'the stream of node-a was cut short: nobody knows what is missing'],
] as const)('%j', ([loss, said]) => {
  const totals = { ...none, ...loss };
  expect(summary(totals, { seconds: 1, name: undefined, written: 1 })).toBe(
    `1 packet (5 B) of 1 target in 1 s, ${said}`,
  );
  expect(isComplete(totals)).toBe(false);
});
