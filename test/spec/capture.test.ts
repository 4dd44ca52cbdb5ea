import { describe, expect, test } from 'vitest';
import { UsageError } from '#src/errors.ts';
import { captureLine, parseCapture } from '#src/spec/capture.ts';

const target = { name: 'shop/web', podUid: 'uid-1', interfaces: ['eth0'] };
const settings = { targets: [target], direction: 'both' as const, spoolBytes: 0 };

function line(changes: object = {}): string {
  return JSON.stringify({
    apiVersion: 'kokotap.dev/v1alpha1',
    kind: 'Capture',
    targets: [target],
    ...changes,
  });
}

describe('the line of a capture', () => {
  test('is read as it was written', () => {
    const capture = { ...settings, filter: 'udp', snapLengthBytes: 128, spoolBytes: 2 ** 40 };
    expect(parseCapture(captureLine(capture))).toEqual({
      apiVersion: 'kokotap.dev/v1alpha1',
      kind: 'Capture',
      ...capture,
    });
  });

  test('has defaults', () => {
    expect(parseCapture(line())).toMatchObject(settings);
  });

  test('may have no targets yet, and a node', () => {
    expect(parseCapture(line({ targets: [] })).targets).toEqual([]);
    const node = { name: 'node/node-a', interfaces: ['all'] };
    expect(parseCapture(line({ targets: [node] })).targets).toEqual([node]);
  });

  test.for<[string, string]>([
    ['{', 'The capture is no JSON: {'],
    [
      line({ apiVersion: 'kokotap.dev/v2' }),
      'The capture is not possible, field apiVersion: give kokotap.dev/v1alpha1, which is what kokotap 0.1.0 reads',
    ],
    [line({ kind: 'Sender' }), 'The capture is not possible, field kind: give Capture'],
    [
      line({ more: 1 }),
      'The capture is not possible: kokotap 0.1.0 does not know more: it is for another version',
    ],
    [line({ targets: [{ ...target, more: 1 }] }), 'The capture is not possible, field targets.0: '],
    [
      line({ targets: [{ ...target, name: '' }] }),
      'The capture is not possible, field targets.0.name: it must not be empty',
    ],
    [
      line({ targets: [{ ...target, podUid: 'uid-1/..' }] }),
      'The capture is not possible, field targets.0.podUid: give the UID of a pod',
    ],
    [
      line({ targets: [{ ...target, podUid: '/uid-1' }] }),
      'The capture is not possible, field targets.0.podUid: give the UID of a pod',
    ],
    [
      line({ spoolBytes: -1 }),
      'The capture is not possible, field spoolBytes: give a whole number from 0 to 1099511627776',
    ],
    [
      line({ spoolBytes: 2 ** 40 + 1 }),
      'The capture is not possible, field spoolBytes: give a whole number from 0 to 1099511627776',
    ],
  ])('must not be %j', ([text, message]) => {
    expect(() => parseCapture(text)).toThrow(message);
    expect(() => parseCapture(text)).toThrow(UsageError);
  });
});
