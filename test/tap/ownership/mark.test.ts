import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aliasOf,
  handleOf,
  isHandleOf,
  isTapHandle,
  macOf,
  parseAlias,
  saysOwned,
} from '#src/tap/ownership/mark.ts';

const id = 'aabbccddeeff';

test("a device's address says the tap and the role, and is locally administered", () => {
  expect(macOf(id, 'sender')).toBe('02:6b:aa:bb:cc:dd');
  expect(macOf(id, 'receiver')).toBe('06:6b:aa:bb:cc:dd');
});

describe('a handle', () => {
  const ids = fc.stringMatching(/^[0-9a-f]{12}$/u);

  test('never changes: filters in kernels have it', () => {
    expect(handleOf(id, false).toString(16)).toBe('6b2abbcc');
    expect(handleOf(id, true).toString(16)).toBe('6baabbcc');
  });

  test("is known as this tap's and no other's, and says who made the qdisc", () => {
    fc.assert(
      fc.property(ids, ids, fc.boolean(), (own, other, owned) => {
        const handle = handleOf(own, owned);
        expect(handle).toBeLessThan(0x8000_0000);
        expect([isTapHandle(handle), isHandleOf(own, handle), saysOwned(handle)]).toEqual([
          true,
          true,
          owned,
        ]);
        expect(isHandleOf(other, handle)).toBe(handleOf(other, owned) === handle);
      }),
    );
  });

  test.each([undefined, 0, 1, 0x6a_ffff_ff, 0x6c_0000_00])("%s is nobody's", (handle) => {
    expect([isTapHandle(handle), isHandleOf('000000000000', handle), saysOwned(handle)]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

test.each([[[]], [['eth0']], [['eth0', 'net1', 'a,b']]])(
  'an alias says whose qdiscs are kokotap’s: %j',
  (ownQdiscs) => {
    expect(parseAlias(aliasOf({ id, ownQdiscs }))).toEqual({ id, ownQdiscs });
  },
);

test('an alias names as many interfaces as the kernel has room for, and each whole', () => {
  for (let length = 1; length <= 15; length++) {
    const names = Array.from({ length: 200 }, (_, index) => String(index).padStart(length, 'x').slice(0, 15));
    const alias = aliasOf({ id, ownQdiscs: names });
    expect(alias.length).toBeLessThanOrEqual(255);
    expect(alias.length).toBeGreaterThan(255 - 16);
    const said = parseAlias(alias)?.ownQdiscs ?? [];
    expect(said).toEqual(names.slice(0, said.length));
  }
});

test.each([
  '',
  'uplink',
  'my-kokotap:aabbccddeeff',
  'kokotap:aabb',
  'kokotap:aabbccddeeff:clsact=',
  'kokotap:aabbccddeeff:other',
])('%j is no mark', (alias) => {
  expect(parseAlias(alias)).toBeUndefined();
});
