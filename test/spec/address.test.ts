import * as fc from 'fast-check';
import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import { commonAddresses, parseAddress, unreachableKind } from '#src/spec/address.ts';

test('every IPv4 address is read as it is', () => {
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      expect(parseAddress(text)).toEqual({ family: 'IPv4', text });
    }),
  );
});

test('every IPv6 address is read, and its form reads as the same', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const address = parseAddress(text);
      expect(address).toBeDefined();
      expect(parseAddress(address?.text ?? '')).toEqual(address);
    }),
  );
});

test('nothing is an address that is none for Node.js', () => {
  const almost = fc.stringMatching(/^[0-9a-f:.]{1,20}$/u);
  fc.assert(
    fc.property(fc.oneof(almost, fc.string()), (text) => {
      expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0 && !text.includes('%'));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['2001:DB8:0:0:0:0:0:1', 'IPv6', '2001:db8::1'],
  ['::ffff:192.0.2.1', 'IPv4', '192.0.2.1'],
  ['::FFFF:C000:0201', 'IPv4', '192.0.2.1'],
  ['64:ff9b::192.0.2.1', 'IPv6', '64:ff9b::c000:201'],
  ['64:ff9b::ffff:c000:201', 'IPv6', '64:ff9b::ffff:c000:201'],
  ['::ffff:c000:201:1', 'IPv6', '::ffff:c000:201:1'],
])('%s is %s %s', (text, family, canonical) => {
  expect(parseAddress(text)).toEqual({ family, text: canonical });
});

test.each(['::1]:80/[::1', '::1]', '[::1', '1', 'a.b', ':'])('%s is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each([
  ['0.0.0.0', 'the unspecified address'],
  ['0.1.2.3', 'the unspecified address'],
  ['127.0.0.1', 'a loopback address'],
  ['127.255.255.255', 'a loopback address'],
  ['224.0.0.0', 'a multicast address'],
  ['239.255.255.255', 'a multicast address'],
  ['255.255.255.255', 'the broadcast address'],
  ['::', 'the unspecified address'],
  ['::1', 'a loopback address'],
  ['ff02::1', 'a multicast address'],
  ['fe80::1', 'a link-local address'],
  ['febf::1', 'a link-local address'],
])('%s is %s', (text, kind) => {
  const address = parseAddress(text);
  expect(address && unreachableKind(address)).toBe(kind);
});

test.each([
  '10.0.0.1',
  '126.0.0.1',
  '128.0.0.1',
  '223.255.255.255',
  '240.0.0.1',
  '255.255.255.254',
  '169.254.1.1',
  '2001:db8::1',
  '2001:db8::fe80',
  'fd00::1',
  'fec0::1',
])('%s can be sent to', (text) => {
  const address = parseAddress(text);
  expect(address && unreachableKind(address)).toBeUndefined();
});

test('IPv4 before IPv6, in whatever order the nodes have them', () => {
  const [v4, v6, otherV4] = ['10.0.0.1', 'fd00::1', '10.0.0.2'].flatMap((text) => parseAddress(text) ?? []);
  if (!v4 || !v6 || !otherV4) throw new Error('not read');
  expect(commonAddresses([v6, v4], [v6, otherV4])).toEqual({ local: v4, remote: otherV4 });
  expect(commonAddresses([v6, v4], [v6])).toEqual({ local: v6, remote: v6 });
  expect(commonAddresses([v6], [v4])).toBeUndefined();
  expect(commonAddresses([], [v4])).toBeUndefined();
});
