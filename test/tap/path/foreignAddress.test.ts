import { expect, test } from 'vitest';
import { foreignAddress } from '#src/tap/path/foreignAddress.ts';

function has(...addresses: readonly string[]) {
  return [
    { address: '127.0.0.1', isGlobal: false },
    ...addresses.map((address) => ({ address, isGlobal: true })),
  ];
}

const REMEDY =
  'the node got another one after the tap was made, or this is a virtual or outer one; delete the tap and make it again, with';

test.each([
  ['192.0.2.1', has('198.51.100.1', '192.0.2.1')],
  ['fd00::1', has('fd00:0:0::1')],
  ['127.0.0.1', has()],
])('%s is one of %j', (local, addresses) => {
  expect(foreignAddress('sender', local, addresses)).toBe(undefined);
});

test.each([
  ['sender', has('192.0.2.2', 'fd00::2'), '192.0.2.2, fd00::2', '--source-address'],
  ['receiver', has('192.0.2.2'), '192.0.2.2', '--dest-address'],
  ['sender', has(), 'none', '--source-address'],
  ['sender', has('a', 'b', 'c', 'd', 'e'), 'a, b, c, d, e', '--source-address'],
  ['sender', has('a', 'b', 'c', 'd', 'e', 'f', 'g'), 'a, b, c, d, e and 2 more', '--source-address'],
] as const)('of the %s it is none of %j', (role, addresses, listed, flag) => {
  expect(foreignAddress(role, '192.0.2.1', addresses)).toBe(
    `192.0.2.1 is not an address of this node (it has ${listed}): ${REMEDY} ${flag} if it comes out the same`,
  );
});
