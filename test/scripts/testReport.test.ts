import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failures, partsOf } from '../../scripts/testReport.ts';

/** What the report says of one test that failed with this message. */
function reportOf(message: string): string {
  const failed = { fullName: 'a test', status: 'failed', failureMessages: [message] };
  return failures([{ name: 'test/a.test.ts', startTime: 0, endTime: 0, assertionResults: [failed] }]);
}

/** What a property that never holds throws. */
function failureOfProperty(): string {
  try {
    fc.assert(
      fc.property(fc.nat(), () => false),
      { seed: 42 },
    );
  } catch (error) {
    if (error instanceof Error) return error.stack ?? '';
  }
  throw new Error('The property holds.');
}

describe('a failure in the report', () => {
  test('of a property has its seed and its counterexample', () => {
    expect(reportOf(failureOfProperty())).toMatch(
      /^FAILED test\/a\.test\.ts: a test: Error: Property failed after 1 tests\n {2}\{ seed: 42, .*\n {2}Counterexample: \[0\]\n/,
    );
  });

  test('has no stack', () => {
    expect(reportOf('Error: it is so\n    at file.ts:1:2\n    at other.ts:3:4')).toBe(
      'FAILED test/a.test.ts: a test: Error: it is so\n',
    );
  });

  test('is five lines of 300 characters at most', () => {
    const lines = reportOf(Array.from({ length: 9 }, () => 'x'.repeat(1000)).join('\n\n'))
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(5);
    expect(lines.map((line) => line.replace(/^(FAILED .*: | {2})/, '').length)).toEqual(Array(5).fill(300));
  });

  test('of a test that passed is none', () => {
    const passed = { fullName: 'a test', status: 'passed', failureMessages: [] };
    expect(failures([{ name: 'test/a.test.ts', startTime: 0, endTime: 0, assertionResults: [passed] }])).toBe(
      '',
    );
  });
});

test('the parts of a run are named by the folders of their files', () => {
  const files = ['cluster/a', 'cluster/faults/a', 'kernel/a', 'kernel/gone', 'boot/a', 'spec/a'];
  const results = files.map((file) => ({
    name: `test/${file}.test.ts`,
    startTime: 2,
    endTime: 3,
    assertionResults: [],
  }));
  expect(partsOf(results, 1).map(({ name }) => name)).toEqual([
    'set-up',
    'cluster',
    'cluster: faults',
    'kernel',
    'kernel: leftovers',
    'virtual machine',
    'unit',
  ]);
});
