import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { oneLine, quote } from '#src/cli/text.ts';

/** Both ranges of control characters are in it. */
const latin = fc.nat(0x17f).map((code) => String.fromCodePoint(code));

test('what is quoted reads back, and cannot move the cursor', () => {
  expect(quote('a"b')).toBe('"a\\"b"');
  expect(quote('a\n\u001b[31m\u009b')).toBe('"a\\n\\u001b[31m\\u009b"');
  fc.assert(
    fc.property(fc.string({ unit: latin }), (text) => {
      const quoted = quote(text);
      return JSON.parse(quoted) === text && !/\p{Cc}/u.test(quoted);
    }),
  );
});

test('a text of many lines becomes one', () => {
  expect(oneLine(' a\r\n\n  b \n c  d\n')).toBe('a b c  d');
  expect(oneLine('bell \u0007')).toBe('bell \\u0007');
});
