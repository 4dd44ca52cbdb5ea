import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { KlogFilter } from '#src/kube/klogFilter.ts';

const logged =
  'E1128 04:01:40.123456   12345 proxy_server.go:147] Error while proxying request: connection refused\n';

/** What is passed of each piece. */
function passed(...pieces: readonly string[]): string[] {
  const filter = new KlogFilter();
  return pieces.map((piece) => filter.pass(piece));
}

test('what a plugin says is passed on, what kubectl logs is not', () => {
  expect(passed(`open https://x\n${logged}code: ABC\n`)).toEqual(['open https://x\ncode: ABC\n']);
});

test.each(['MFA code: ', 'Enter code: ', 'F', 'I1', 'E1128 x', 'Enter\r'])(
  'a question without an end of line is passed on at once, at the latest with its next piece: %j',
  (question) => {
    expect(passed(question, 'next\n').join('')).toBe(`${question}next\n`);
  },
);

test('a question that cannot be the beginning of a log line does not wait', () => {
  expect(passed('Enter code: ', 'again: ')).toEqual(['Enter code: ', 'again: ']);
});

test('however it is cut into pieces, the same is passed on', () => {
  const said = `Enter\nE1128\n${logged}I am\n${logged}W1128 04:01:40 is a date\nlast`;
  const expected = said.replaceAll(logged, '');
  fc.assert(
    fc.property(fc.array(fc.nat(said.length), { maxLength: 20 }), (cuts) => {
      const places = [0, ...cuts, said.length].toSorted((a, b) => a - b);
      const pieces = places.map((place, index) => said.slice(place, places[index + 1]));
      expect(passed(...pieces).join('')).toBe(expected);
    }),
  );
});
