import { expect, test } from 'vitest';
import { findLocks, lockSocket } from '#src/tap/ownership/lockSocket.ts';

test('the addresses of the socket spell the tap', () => {
  expect(lockSocket('sender', '123456ffffff')).toEqual({
    address: '127.18.52.86',
    peer: { address: '127.255.255.255', port: 0x6b01 },
  });
  expect(lockSocket('receiver', '000001abcdef')).toEqual({
    address: '127.0.0.1',
    peer: { address: '127.171.205.239', port: 0x6b02 },
  });
});

test("only root's sockets are locks", () => {
  // As Linux 6.18 writes it: two locks, the second one nobody's; a name server; a client of some service.
  const udp = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
12243: 5634127F:AD30 FFFFFF7F:6B01 01 00000000:00000000 00:00000000 00000000     0        0 10521021 2 00000000520cdf78 0
12244: 5634127F:AD31 FFFFFF7F:6B02 01 00000000:00000000 00:00000000 00000000 65534        0 10521022 2 00000000520cdf79 0
  531: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 10521023 2 00000000520cdf7a 0
  532: 0100007F:AD32 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 10521024 2 00000000520cdf7b 0
`;
  expect(findLocks(udp)).toEqual([{ role: 'sender', tap: '123456ffffff', port: 0xad30 }]);
});

test('a port that is no role is no lock', () => {
  expect(findLocks('1: 5634127F:AD30 FFFFFF7F:6B03 01 0:0 00:0 0 0 0 1 2 0 0')).toEqual([]);
});

test.each([
  ['  9: 5634127F:AD30 FFFFFF7F:6B02 01 0:0 00:0 0 0 0 1 2 0 0', 'receiver'],
  ['9: 5634127F:AD30 FFFFFF7F:6B01 01 0:0 00:0 0 0 0 1 2 0 0', 'sender'],
])('%s is the lock of a %s', (line, role) => {
  expect(findLocks(line)).toEqual([{ role, tap: '123456ffffff', port: 0xad30 }]);
});

test.each([
  ['another address in front', '1: 005634127F:AD30 FFFFFF7F:6B01 01 0:0 00:0 0 0 0 1 2 0 0'],
  ['another address behind', '1: 5634127F:AD300 FFFFFF7F:6B01 01 0:0 00:0 0 0 0 1 2 0 0'],
  ['another peer in front', '1: 5634127F:AD30 00FFFFFF7F:6B01 01 0:0 00:0 0 0 0 1 2 0 0'],
  ['another peer behind', '1: 5634127F:AD30 FFFFFF7F:6B010 01 0:0 00:0 0 0 0 1 2 0 0'],
  ['an address of another network', '1: 5634120A:AD30 FFFFFF7F:6B01 01 0:0 00:0 0 0 0 1 2 0 0'],
  ['nothing', ''],
])('%s is no lock', (_, line) => {
  expect(findLocks(line)).toEqual([]);
});
