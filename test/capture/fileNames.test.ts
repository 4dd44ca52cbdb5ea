import { expect, test } from 'vitest';
import { fileName } from '#src/capture/fileNames.ts';

const now = new Date(2026, 0, 2, 3, 4, 5);
const none = { mostBytes: undefined, mostSeconds: undefined, count: undefined };

test.for([
  ['web.pcapng', {}, 0, 'web.pcapng'],
  ['web.pcapng.gz', { mostBytes: 1 }, 0, 'web.pcapng.gz'],
  ['out.d/web.pcapng.gz', { mostBytes: 1 }, 2, 'out.d/web-2.pcapng.gz'],
  ['web', { mostSeconds: 1 }, 1, 'web-1'],
  ['web.pcapng', { mostBytes: 1, count: 12 }, 0, 'web-00.pcapng'],
  ['web.pcapng', { mostBytes: 1, count: 12 }, 13, 'web-01.pcapng'],
  ['web-%H%M%S.pcapng', { mostSeconds: 60 }, 3, 'web-030405.pcapng'],
  ['web-%Y-%m-%d-%%.pcapng', { mostSeconds: 60, mostBytes: 1 }, 3, 'web-2026-01-02-%-3.pcapng'],
] as const)('%s %o %i is %s', ([name, rotation, index, expected]) => {
  expect(fileName({ ...none, name, ...rotation }, index, now)).toBe(expected);
});
