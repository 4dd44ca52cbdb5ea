import { expect, test } from 'vitest';
import { listeningSockets } from '#src/tap/proc/netlinkSockets.ts';

test('those in a group are the ones that listen', () => {
  // As Linux 6.18 writes it, of `tc monitor`, which has two, `ip monitor`, and the kernel.
  const netlink = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
00000000270e5bcb 0   19880      00000000 0        0        0     2        0        7034592
00000000b72d333a 0   2295390501 00000008 0        0        0     2        0        7034593
000000000430a319 0   17387      00000001 0        0        0     2        0        6637446
000000003c8c9d51 0   0          00000000 0        0        0     2        0        6602190
`;
  expect([...listeningSockets(netlink)]).toEqual(['7034593', '6637446']);
});

test('nothing can be read of a process that ended', () => {
  expect(listeningSockets('').size).toBe(0);
});
