/**
 * If somebody else's program keeps a target's packets from clsact's filters, the tap goes in front of it by a tcx program of
 * its own. A filter of the mirror device that no packet reaches loads that program; a process of the agent holds it at the
 * hook. The mirror device then decides what --filter asks for.
 */

import { isVerdictBefore } from './inFront.ts';
import { isHandleOf } from '#src/tap/ownership/mark.ts';
import { aheadHook, isAheadName } from '#src/tap/programs/names.ts';
import type { Hook, Observed, TcxProgram, Desired } from '#src/tap/state.ts';
import { hooksOf, targetLinks } from '#src/tap/targets.ts';

/** A hook of a target interface. */
export interface Place {
  readonly ifname: string;
  readonly hook: Hook;
}

/** What is to be held at which hook. */
export interface Hold extends Place {
  /** The kernel's number of the program. */
  readonly programId: number;
}

/** The hooks at which the tap has to go before others' programs. */
export function placesAhead(desired: Desired, observed: Observed): Place[] {
  const { copies, object, staysBehind } = desired;
  const { tcx, classifiers } = observed;
  if (copies === undefined || object === undefined || tcx === undefined || staysBehind === true) return [];
  return targetLinks(copies, observed).flatMap((link) =>
    hooksOf(link, copies.hooks).flatMap((hook): Place[] => {
      const isHidden =
        (tcx[link.name]?.[hook] ?? []).some(isForeign) ||
        isVerdictBefore(hook, classifiers[link.name] ?? { filters: [] });
      return isHidden ? [{ ifname: link.name, hook }] : [];
    }),
  );
}

/** The programs that are to be held, of those that are loaded. */
export function holdsOf(desired: Desired, observed: Observed): Hold[] {
  const programs = loadedPrograms(desired, observed);
  return placesAhead(desired, observed).flatMap((place) => {
    const programId = programs[place.hook];
    return programId === undefined ? [] : [{ ...place, programId }];
  });
}

/** Whether a program is at its hook and before all others but taps'. */
export function isHeld({ ifname, hook, programId }: Hold, { tcx }: Pick<Observed, 'tcx'>): boolean {
  const programs = tcx?.[ifname]?.[hook] ?? [];
  const own = programs.findIndex(({ id }) => id === programId);
  const first = programs.findIndex(isForeign);
  return own !== -1 && (first === -1 || own < first);
}

/** By the hook that they are for. */
function loadedPrograms(
  { id, ifname }: Pick<Desired, 'id' | 'ifname'>,
  { classifiers }: Observed,
): Partial<Record<Hook, number>> {
  const found: Partial<Record<Hook, number>> = {};
  for (const { handle, program, programId } of classifiers[ifname]?.filters ?? []) {
    const hook = aheadHook(program);
    if (hook !== undefined && programId !== undefined && isHandleOf(id, handle)) found[hook] = programId;
  }
  return found;
}

function isForeign({ name }: TcxProgram): boolean {
  return !isAheadName(name);
}
