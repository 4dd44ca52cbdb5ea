import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBytes, addressText } from '#src/net/addressBytes.ts';
import { parseAddress } from '#src/spec/address.ts';

test.each([
  ['10.0.0.255', '0a0000ff'],
  ['::', '00'.repeat(16)],
  ['::1', `${'00'.repeat(15)}01`],
  ['fd00::', `fd${'00'.repeat(15)}`],
  ['fd00::1:0:0:a:b', 'fd0000000000000100000000000a000b'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
])('%s is these bytes', (text, hex) => {
  expect(addressBytes(text).toString('hex')).toBe(hex);
  expect(addressText(addressBytes(text))).toBe(text);
});

test('bytes are an address, and the address these bytes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const address = parseAddress(text)?.text ?? '';
      expect(addressText(addressBytes(address))).toBe(address);
    }),
  );
});
