import { isHandleOf } from '#src/tap/ownership/mark.ts';
import type { Desired, Observed } from '#src/tap/state.ts';
import { targetLinks } from '#src/tap/targets.ts';
import { classifier } from './ours.ts';

/**
 * The target interfaces and what is on them that is not this tap's, as a text to compare: while it stays the same, a filter
 * that the kernel refused there would be refused again.
 */
export function surroundingsOf({ id, copies }: Pick<Desired, 'id' | 'copies'>, observed: Observed): string {
  return JSON.stringify(
    targetLinks(copies, observed).map(({ name, mac, mtuBytes }) => {
      const { qdisc, filters } = classifier(observed.classifiers[name]);
      const others = filters.filter(({ handle }) => !isHandleOf(id, handle));
      return {
        name,
        mac,
        mtuBytes,
        qdisc,
        filters: others.map(({ hook, preference, kind, handle, programId }) => ({
          hook,
          preference,
          kind,
          handle,
          programId,
        })),
        tcx: observed.tcx?.[name],
      };
    }),
  );
}
