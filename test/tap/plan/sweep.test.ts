import { describe, expect, test } from 'vitest';
import { handleOf } from '#src/tap/ownership/mark.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import { planSweep } from '#src/tap/plan/sweep.ts';
import type { Filter, Observed } from '#src/tap/state.ts';
import { bare, deadTap, id, sender } from '../support/ends.ts';
import { applyAll } from '../support/kernel.ts';

const made = applyAll(bare, planRepairs(sender, bare).steps);
const foreign: Filter = { hook: 'ingress', preference: 20, kind: 'u32' };

function withFilter(filter: Filter): Observed {
  const { qdisc = 'none', filters = [] } = made.classifiers['eth0'] ?? {};
  return { ...made, classifiers: { ...made.classifiers, eth0: { qdisc, filters: [...filters, filter] } } };
}

describe('what a dead tap left', () => {
  test('goes, the device first', () => {
    expect(planSweep(new Set([id]), made)).toEqual([
      { do: 'delete link', link: 'mirror' },
      { do: 'delete clsact', link: 'eth0' },
    ]);
    expect(applyAll(made, planSweep(new Set([id]), made)).links).toEqual(bare.links);
  });

  test('goes when its device has no alias yet, or is gone', () => {
    const bareDevice = made.links.map((link) => ({ ...link, alias: '' }));
    expect(planSweep(new Set([id]), { ...made, links: bareDevice })).toContainEqual({
      do: 'delete link',
      link: 'mirror',
    });
    expect(planSweep(new Set([id]), { ...made, links: bare.links })).toContainEqual({
      do: 'delete clsact',
      link: 'eth0',
    });
  });

  test.each([
    ["a stranger's filter", foreign],
    ["another tap's filter", { ...foreign, kind: 'bpf', handle: handleOf(deadTap, true) }],
  ])('leaves the qdisc to %s', (_, filter) => {
    const after = applyAll(withFilter(filter), planSweep(new Set([id]), withFilter(filter)));
    expect(after.classifiers['eth0']).toMatchObject({ qdisc: 'clsact', filters: [filter] });
  });

  test('leaves a qdisc that no tap made', () => {
    const before: Observed = { ...bare, classifiers: { eth0: { qdisc: 'clsact', filters: [] } } };
    const tapped = applyAll(before, planRepairs(sender, before).steps);
    const after = applyAll(tapped, planSweep(new Set([id]), tapped));
    expect(after.classifiers).toEqual(before.classifiers);
  });

  test('is no other tap, nor one whose handles are the same and which is alive', () => {
    expect(planSweep(new Set([deadTap]), made)).toEqual([]);
    const twin = `${id.slice(0, 6)}000000`;
    const live = { ...made, liveTaps: new Set([id]) };
    expect(planSweep(new Set([twin]), live)).toEqual([]);
  });
});
