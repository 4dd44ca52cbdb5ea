import { expect, test } from 'vitest';
import { isInNetDev, netDevCounts } from '#src/tap/proc/netDev.ts';

const netDev = [
  'Inter-|   Receive                                                |  Transmit',
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
  ' mirror2:     0       0    9    0    0     9          0         0        0       0    0    0    0     0       0          0',
  'mirror:     460      10   10   11    0    12         0         0      712      13    0    0    0     0       0          0',
].join('\n');

test('a device is there when it has a line', () => {
  const names = ['mirror', 'mirror2', 'mirr', 'face', 'irror'];
  expect(names.filter((name) => isInNetDev(netDev, name))).toEqual(['mirror', 'mirror2']);
});

test('the counts of a device are read from its own line', () => {
  expect(netDevCounts(netDev, 'mirror')).toEqual({
    receivedPackets: 10,
    malformedPackets: 12,
    sentPackets: 13,
  });
  expect(netDevCounts(netDev, 'absent')).toEqual({ receivedPackets: 0, malformedPackets: 0, sentPackets: 0 });
});
