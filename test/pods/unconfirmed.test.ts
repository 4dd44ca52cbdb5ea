import { expect, test } from 'vitest';
import { isAbandoned } from '#src/pods/unconfirmed.ts';

const created = '2026-01-01T00:00:00Z';

test.each([
  [undefined, 3600, false],
  ['180', 180, false],
  ['180', 181, true],
])('a pod that waits %s s for its confirmation, %d s old', (seconds, age, expected) => {
  const annotations = seconds === undefined ? {} : { 'kokotap.dev/unconfirmed': seconds };
  const nowMs = Date.parse(created) + age * 1000;
  expect(isAbandoned({ creationTimestamp: created, annotations }, nowMs)).toBe(expected);
});
