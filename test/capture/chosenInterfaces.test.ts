import { expect, test } from 'vitest';
import { chooseInterfaces } from '#src/capture/chosenInterfaces.ts';

const there = [
  { name: 'lo', altNames: [], type: 'loopback', alias: '' },
  { name: 'eth0', altNames: ['enp1s0'], type: 'ether', alias: '' },
  { name: 'wg0', altNames: [], type: 'none', alias: '' },
  { name: 'ib0', altNames: [], type: 'infiniband', alias: '' },
  { name: 'mirror', altNames: [], type: 'ether', alias: 'kokotap:0123456789ab' },
];

const choose = (...wanted: string[]) => {
  const { chosen, missing } = chooseInterfaces(wanted, there);
  return [chosen.map(({ name, linkType }) => `${name} ${linkType}`), missing];
};

test.for([
  [['eth0'], ['eth0 1'], undefined],
  [['enp1s0', 'lo'], ['lo 1', 'eth0 1'], undefined],
  [['wg0'], ['wg0 101'], undefined],
  [['mirror'], ['mirror 1'], undefined],
  [['all'], ['lo 1', 'eth0 1', 'wg0 101'], undefined],
  [['eth0', 'net1'], ['eth0 1'], 'interface net1 (there are lo, eth0, wg0, ib0, mirror)'],
  [['ib0'], [], 'another kind of interface: ib0 is of type infiniband, which cannot be captured'],
] as const)('%s is %s, and %s is missing', ([wanted, chosen, missing]) => {
  expect(choose(...wanted)).toStrictEqual([chosen, missing]);
});

test('all may be none', () => {
  expect(chooseInterfaces(['all'], []).missing).toBe('an interface');
});
