import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseVni, chooseVniOf, MAX_VNI } from '#src/spec/vni.ts';

const hex = fc.stringMatching(/^[0-9a-f]{12}$/u);
const vnis = fc.integer({ min: 1, max: MAX_VNI });

test('a VNI of 1 to 16777215 that no other tap has', () => {
  fc.assert(
    fc.property(hex, fc.array(fc.record({ tapId: hex, vni: vnis })), fc.nat(20), (id, others, run) => {
      const preferred = chooseVni(id, []);
      // A run of taken VNIs just where this tap wants to be, over the upper end too.
      const inTheWay = Array.from({ length: run }, (_, step) => ({
        tapId: 'other',
        vni: ((preferred - 1 + step) % MAX_VNI) + 1,
      }));
      const taps = [...others.filter(({ tapId }) => tapId !== id), ...inTheWay];
      const vni = chooseVni(id, taps);
      expect(Number.isInteger(vni) && vni >= 1 && vni <= MAX_VNI).toBe(true);
      expect(taps.map((tap) => tap.vni)).not.toContain(vni);
      expect(chooseVni(id, taps.toReversed())).toBe(vni);
    }),
  );
});

test('a tap keeps the VNI that it has', () => {
  fc.assert(
    fc.property(hex, vnis, fc.array(fc.record({ tapId: hex, vni: vnis })), (id, vni, others) => {
      const taps = others.filter(({ tapId }) => tapId !== id);
      expect(chooseVni(id, [...taps, { tapId: id, vni }])).toBe(vni);
    }),
  );
});

test('of a tap whose pods differ in it, the least, whichever pod comes first', () => {
  const taps = [7, 5, 9].map((vni) => ({ tapId: 'aabbccddeeff', vni }));
  expect(chooseVni('aabbccddeeff', taps)).toBe(5);
});

test('after the last VNI comes the first', () => {
  // 0xfffffe is 16777214: the derived VNI is the last one.
  expect(chooseVni('000000fffffe', [])).toBe(MAX_VNI);
  expect(chooseVni('000000fffffe', [{ tapId: 'other', vni: MAX_VNI }])).toBe(1);
});

test('the first of a range that no other tap has, or undefined where others have all', () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(20)).map(([first, more]) => ({
    first,
    last: first + more,
  }));
  const others = fc.array(fc.record({ tapId: fc.constant('other'), vni: fc.integer({ min: 1, max: 60 }) }));
  fc.assert(
    fc.property(hex, range, others, (id, { first, last }, taps) => {
      const all = Array.from({ length: last - first + 1 }, (_, step) => first + step);
      const free = all.find((vni) => !taps.some((tap) => tap.vni === vni));
      expect(chooseVniOf({ first, last }, id, taps)).toBe(free);
    }),
  );
});

test('a tap keeps the VNI of a range that it has, and gives up one that is not of it', () => {
  const taps = [
    { tapId: 'aabbccddeeff', vni: 107 },
    { tapId: 'aabbccddeeff', vni: 5 },
    { tapId: 'aabbccddeeff', vni: 120 },
    { tapId: 'other', vni: 100 },
  ];
  expect(chooseVniOf({ first: 100, last: 131 }, 'aabbccddeeff', taps)).toBe(107);
  expect(chooseVniOf({ first: 107, last: 110 }, 'aabbccddeeff', taps)).toBe(107);
  expect(chooseVniOf({ first: 90, last: 107 }, 'aabbccddeeff', taps)).toBe(107);
  expect(chooseVniOf({ first: 100, last: 106 }, 'aabbccddeeff', taps)).toBe(101);
});
