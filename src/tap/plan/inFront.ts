/** Programs in front of a tap's filters at a hook: they may end the classification of a packet, so that the filters never see it. */

import { isTapHandle, preferences } from '#src/tap/ownership/mark.ts';
import { isAheadName } from '#src/tap/programs/names.ts';
import type { Classifier, Filter, Hook, TcxProgram } from '#src/tap/state.ts';

/** The preferences of a tap's filters at one hook of a target interface. */
export interface Places {
  readonly seen: number;
  readonly filter: number;
}

/**
 * Where a tap's filters go at a hook: to the usual preferences, unless a program with a verdict of its own is in front of
 * them, or at one of them. Then they go in front of that program, if two preferences are free there: a packet that it passes
 * is not classified further, and the tap would not see it.
 */
export function placesAt(hook: Hook, { filters }: Pick<Classifier, 'filters'>): Places {
  const foreign = foreignAt(hook, filters);
  const ending = foreign.filter(({ action }) => action === 'direct').map(({ preference }) => preference);
  const before = Math.min(...ending, preferences.filter + 1);
  const isFree = (preference: number) => !foreign.some((other) => other.preference === preference);
  if (before > preferences.filter) return preferences;
  const free = Array.from({ length: before - 1 }, (_, at) => at + 1).filter(isFree);
  const [seen, filter] = free.slice(-2);
  return seen === undefined || filter === undefined ? preferences : { seen, filter };
}

/** Whether a program with a verdict of its own is before the tap's filters, or at their place. */
export function isVerdictBefore(hook: Hook, { filters }: Pick<Classifier, 'filters'>): boolean {
  const { filter: place } = placesAt(hook, { filters });
  return foreignAt(hook, filters).some(
    ({ action, preference }) => action === 'direct' && preference <= place,
  );
}

/**
 * What is before a tap at a hook, for people.
 *
 * @param tcx the programs of the hook that come before all filters
 * @param heldId the program of the tap's that is held among them; undefined: it has filters
 */
export function inFrontOf(
  hook: Hook,
  { filters }: Pick<Classifier, 'filters'>,
  tcx: readonly TcxProgram[],
  heldId?: number,
): readonly string[] {
  const { filter: place } = placesAt(hook, { filters });
  const held = tcx.findIndex(({ id }) => id === heldId);
  const before = held === -1 ? foreignAt(hook, filters).filter(({ preference }) => preference < place) : [];
  const programs = (held === -1 ? tcx : tcx.slice(0, held)).filter(({ name }) => !isAheadName(name));
  const found = [
    ...programs.map(({ id, name }) => `the tcx program ${name || 'without a name'} (id ${id})`),
    ...before.map(
      ({ preference, kind, program = '' }) =>
        `the ${kind} filter of preference ${preference}${isName(program) ? ` (${program})` : ''}`,
    ),
  ];
  return [...new Set(found)]; // u32 shows its tables as filters too
}

/** Classic BPF has no name, but its instructions. */
function isName(program: string): boolean {
  return program !== '' && !/^\d+,/.test(program);
}

function foreignAt(hook: Hook, filters: readonly Filter[]): Filter[] {
  return filters.filter((filter) => filter.hook === hook && !isTapHandle(filter.handle));
}
