import { expect, test } from 'vitest';
import { aliasOf, parseAlias } from '#src/tap/mark.ts';

const id = 'aabbccddeeff';

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

test.each(['', 'uplink', 'kokotap:aabb', 'kokotap:aabbccddeeff:other'])('%j is no mark', (alias) => {
  expect(parseAlias(alias)).toBeUndefined();
});
