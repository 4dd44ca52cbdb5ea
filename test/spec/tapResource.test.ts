import { describe, expect, test } from 'vitest';
import { copyingOf, secondsOf, specProblem, type TapSpec, tapSpecSchema } from '#src/spec/tapResource.ts';

function spec(more: object = {}): TapSpec {
  return tapSpecSchema.parse({ targets: { selector: {} }, destination: { nodeName: 'node-b' }, ...more });
}

test('a spec says what senders are told', () => {
  expect(copyingOf(spec())).toEqual({
    interfaces: ['eth0'],
    direction: 'both',
    filter: undefined,
    snapLengthBytes: undefined,
    sampleOneIn: undefined,
    maxBytesPerSecond: undefined,
  });
  const full = spec({
    direction: 'Egress',
    snapLength: 128,
    sample: '1/100',
    maxRate: '8kbit',
    duration: '1h30m',
  });
  expect(copyingOf(full)).toMatchObject({
    direction: 'egress',
    snapLengthBytes: 128,
    sampleOneIn: 100,
    maxBytesPerSecond: 1000,
  });
  expect(secondsOf(full)).toBe(5400);
  expect(specProblem(full)).toBeUndefined();
});

describe('what only the controller can tell', () => {
  test.each([
    [{ maxRate: '1bit' }, 'spec.maxRate: give a whole number from 1000 to'],
    [{ sample: '1/0' }, 'spec.sample: give a whole number from 1'],
    [{ mirrorInterface: 'all' }, 'spec.mirrorInterface: give 1 to 15'],
    [{ interfaces: ['mirror'] }, 'spec.mirrorInterface: "mirror" is one of spec.interfaces too'],
    [{ destination: { address: '127.0.0.1' } }, 'spec.destination.address: that is a loopback address'],
    [{ destination: { address: 'web' } }, 'spec.destination.address: give one IPv4 or IPv6 address'],
    [{ duration: '0s' }, 'spec.duration: give a whole number from 1'],
  ])('%o', (more, problem) => {
    expect(specProblem(spec(more))).toContain(problem);
  });
});
