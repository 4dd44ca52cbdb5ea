import { expect, test } from 'vitest';
import { exitCodeOf } from '#src/kube/execStatus.ts';

test('a program that did what it should', () => {
  expect(exitCodeOf('{"metadata":{},"status":"Success"}')).toBe(0);
});

test('a program that failed has an exit code', () => {
  const status = {
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: 'command terminated with exit code 3',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  };
  expect(exitCodeOf(JSON.stringify(status))).toBe(3);
});

test.each([
  [{ status: 'Failure', reason: 'InternalError', message: 'no such file' }, 'no such file'],
  [{ status: 'Failure' }, '{"status":"Failure"}'],
])('a program that could not be started: %j', (status, message) => {
  expect(() => exitCodeOf(JSON.stringify(status))).toThrow(
    `The program cannot be started in the container: ${message}`,
  );
});
