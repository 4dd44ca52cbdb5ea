import { saysOwned } from '#src/tap/ownership/mark.ts';
import type { Observed, Step } from '#src/tap/state.ts';

/**
 * Plans the removal of qdiscs that nobody has removed: taps that leave an interface at the same moment see each other's
 * filters on it, and each leaves the qdisc to the others. Who has taken its filters off looks again, and so the last one
 * finds it empty.
 *
 * @param done the steps by which this tap left
 */
export function planEmptied(done: readonly Step[], { classifiers }: Observed): readonly Step[] {
  const left = done.flatMap((step) =>
    step.do === 'delete filter' && saysOwned(step.handle) ? step.link : [],
  );
  return [...new Set(left)].flatMap((link): Step[] => {
    const now = classifiers[link];
    return now?.qdisc === 'clsact' && now.filters.length === 0 ? [{ do: 'delete clsact', link }] : [];
  });
}
