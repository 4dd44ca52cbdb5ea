import { describe, expect, test } from 'vitest';
import type * as z from 'zod/mini';
import { interfaceNames, quantities, unicastAddress, wholeNumber } from '#src/spec/values.ts';

function adviceOn(schema: z.ZodMiniType, value: unknown): string[] | undefined {
  return schema.safeParse(value).error?.issues.map(({ message }) => message);
}

test.each([1, 5, 10])('%d is a whole number from 1 to 10', (value) => {
  expect(adviceOn(wholeNumber(1, 10), value)).toBeUndefined();
});

test.each([0, 11, 1.5, '5', undefined])('%j is no whole number from 1 to 10', (value) => {
  expect(new Set(adviceOn(wholeNumber(1, 10), value))).toEqual(new Set(['give a whole number from 1 to 10']));
  expect(new Set(adviceOn(wholeNumber(1, 10, 'give some'), value))).toEqual(new Set(['give some']));
});

describe('names of interfaces', () => {
  test.each([[['eth0']], [['eth0', 'net1']], [['all']], [['x'.repeat(127)]]])('%j', (names) => {
    expect(adviceOn(interfaceNames, names)).toBeUndefined();
  });

  const advice = expect.stringMatching(/^give all, or names separated by commas, each of 1 to 127 /u);
  test.each([
    [[], advice],
    [['x'.repeat(128)], advice],
    [['eth0', ''], advice],
    [['default'], advice],
    [['all', 'eth0'], '"all" says every interface; give it alone'],
    [['eth0', 'net1', 'eth0'], '"eth0" is there twice; name each interface once'],
    [['', ''], advice],
  ])('not %j', (names, message) => {
    expect(adviceOn(interfaceNames, names)).toEqual([message]);
  });
});

describe('an address', () => {
  const schema = unicastAddress('a machine');

  test('is read into its canonical form', () => {
    expect(schema.parse('2001:DB8:0::1')).toBe('2001:db8::1');
  });

  test.each([
    ['192.0.2.0/24', 'give one IPv4 or IPv6 address, without prefix length or zone'],
    ['127.0.0.1', 'that is a loopback address; give the unicast address of a machine'],
  ])('is not %s', (text, message) => {
    expect(adviceOn(schema, text)).toEqual([message]);
  });
});

test.each([
  [{}, true],
  [{ cpu: '100m', memory: '64Mi', 'ephemeral-storage': '1Gi' }, true],
  [{ cpu: '100m', memory: '0' }, false],
  [{ cpu: '100m', disk: '1' }, false],
  [{ cpu: 1 }, false],
])('%j are amounts of resources: %s', (amounts, are) => {
  expect(quantities.safeParse(amounts).success).toBe(are);
});
