import { describe, expect, test } from 'vitest';
import {
  additionOf,
  announcementOf,
  chainOf,
  formerlyGuardedBy,
  formerTableOf,
  guardedBy,
  removalOf,
} from '#src/tap/guard/rules.ts';

const own = { tap: 'aabbccddeeff', role: 'receiver' } as const;
const other = { tap: '112233445566', role: 'sender' } as const;
const tunnel = { vni: 100, port: 4789, local: '192.0.2.1', remote: '192.0.2.2' };
const nothing = {
  chains: new Set<string>(),
  counters: new Set<string>(),
  elements: new Map<string, string>(),
};

test('a chain, and a table of a former version, is known for its endpoint', () => {
  for (const each of [own, other]) {
    expect(guardedBy(chainOf(each))).toEqual(each);
    expect(formerlyGuardedBy(formerTableOf(each))).toEqual(each);
  }
  const inPod = { ...own, inPod: true } as const;
  expect(guardedBy(chainOf(inPod))).toEqual(inPod);
  expect(chainOf(inPod)).not.toBe(chainOf(own));
  for (const name of [
    'input',
    'tap-aabbccddeeff',
    'tap-aabbccddeeff-receiver2',
    'my-tap-aabbccddeeff-sender',
  ])
    expect(guardedBy(name)).toBeUndefined();
  for (const name of [
    'kokotap',
    'kokotap-aabbccddeeff',
    'filter',
    'my-kokotap-aabbccddeeff-sender',
    'kokotap-aabbccddeeff-sender2',
  ])
    expect(formerlyGuardedBy(name)).toBeUndefined();
});

test('an announcement makes the shared parts and a chain that nothing leads to', () => {
  const said = announcementOf(own);
  expect(said).toEqual([
    ...additionOf(own, tunnel, nothing).slice(0, 8),
    'add chain inet kokotap tap-aabbccddeeff-receiver',
  ]);
});

describe('an addition', () => {
  test('lets the other end in, and nobody else of its VNI, over either family', () => {
    expect(additionOf(own, tunnel, nothing).slice(8)).toEqual([
      'add counter inet kokotap probes-aabbccddeeff-receiver',
      'add chain inet kokotap tap-aabbccddeeff-receiver',
      'flush chain inet kokotap tap-aabbccddeeff-receiver',
      'add rule inet kokotap tap-aabbccddeeff-receiver ip saddr 192.0.2.2 accept',
      'add rule inet kokotap tap-aabbccddeeff-receiver goto strangers',
      'add element inet kokotap taps { 4789 . 25600 : goto tap-aabbccddeeff-receiver }',
      'add chain inet kokotap probes-aabbccddeeff-receiver',
      'flush chain inet kokotap probes-aabbccddeeff-receiver',
      'add rule inet kokotap probes-aabbccddeeff-receiver ip saddr 192.0.2.2 counter name probes-aabbccddeeff-receiver',
      'add rule inet kokotap probes-aabbccddeeff-receiver goto strangers',
      'add element inet kokotap taps { 4789 . 25712 : goto probes-aabbccddeeff-receiver }',
      'add table inet kokotap-aabbccddeeff-receiver',
      'delete table inet kokotap-aabbccddeeff-receiver',
    ]);
    const over6 = additionOf(own, { ...tunnel, remote: '2001:db8::2' }, nothing).join('\n');
    expect(over6).toContain('ip6 saddr 2001:db8::2 accept');
  });

  test('takes away what leads its packets elsewhere, and other packets to it', () => {
    const elements = new Map([
      ['4789 . 25600', chainOf(other)],
      ['4789 . 25599', chainOf(own)],
      ['4789 . 25598', chainOf(other)],
    ]);
    const deleted = additionOf(own, tunnel, { ...nothing, elements }).filter((line) =>
      line.startsWith('delete element'),
    );
    expect(deleted).toEqual([
      'delete element inet kokotap taps { 4789 . 25600 }',
      'delete element inet kokotap taps { 4789 . 25599 }',
    ]);
  });

  test('keeps an element that is right', () => {
    const elements = new Map([['4789 . 25600', chainOf(own)]]);
    expect(additionOf(own, tunnel, { ...nothing, elements }).join('\n')).not.toContain('delete element');
  });
});

describe('a removal', () => {
  test('takes what there is of an entry, and of no other', () => {
    const state = {
      chains: new Set(['input', chainOf(own), chainOf(other)]),
      counters: new Set(['probes-aabbccddeeff-receiver', 'probes-112233445566-sender']),
      elements: new Map([
        ['4789 . 25600', chainOf(own)],
        ['4789 . 25856', chainOf(other)],
      ]),
    };
    expect(removalOf([own], state)).toEqual([
      'delete element inet kokotap taps { 4789 . 25600 }',
      'delete chain inet kokotap tap-aabbccddeeff-receiver',
      'delete counter inet kokotap probes-aabbccddeeff-receiver',
    ]);
  });

  test('of what is not there is nothing', () => {
    expect(removalOf([own], nothing)).toEqual([]);
  });
});
