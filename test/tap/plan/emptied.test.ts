import { expect, test } from 'vitest';
import { planEmptied } from '#src/tap/plan/emptied.ts';
import { handleOf, preferences } from '#src/tap/ownership/mark.ts';
import type { Classifier, Step } from '#src/tap/state.ts';

const id = 'aabbccddeeff';
const place = { hook: 'ingress', preference: preferences.filter } as const;
const empty: Classifier = { qdisc: 'clsact', filters: [] };

test('a qdisc that a tap made goes when the last of its filters has gone', () => {
  expect(planEmptied([left('eth0', true), left('eth0', true)], seen({ eth0: empty }))).toEqual([
    { do: 'delete clsact', link: 'eth0' },
  ]);
});

test('any other qdisc stays', () => {
  const used: Classifier = { qdisc: 'clsact', filters: [{ ...place, kind: 'u32' }] };
  expect(planEmptied([left('eth0', false)], seen({ eth0: empty }))).toEqual([]);
  expect(planEmptied([left('eth0', true)], seen({ eth0: used }))).toEqual([]);
  expect(planEmptied([left('eth0', true)], seen({ eth0: { qdisc: 'ingress', filters: [] } }))).toEqual([]);
  expect(planEmptied([left('eth0', true)], seen({}))).toEqual([]);
  expect(planEmptied([], seen({ eth0: empty }))).toEqual([]);
});

function left(link: string, ownsQdisc: boolean): Step {
  return { do: 'delete filter', link, ...place, handle: handleOf(id, ownsQdisc) };
}

function seen(classifiers: Readonly<Record<string, Classifier>>) {
  return { links: [], classifiers, liveTaps: new Set<string>() };
}
