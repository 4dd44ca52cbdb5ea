/**
 * Whether a tap sees the packets of its target interfaces: what an interface carried by its own count is held against
 * what the tap's program saw at its hook. The two never agree exactly (packets that are cut or merged count differently on
 * the two, and each is read at another time), so that a tap counts as blind only if it saw next to nothing, twice.
 */

import { holdsOf, isHeld } from '#src/tap/plan/ahead.ts';
import { isHandleOf } from '#src/tap/ownership/mark.ts';
import { netDevCounts } from '#src/tap/proc/netDev.ts';
import { isSeenProgram } from '#src/tap/programs/names.ts';
import type { Hook, Observed, Desired } from '#src/tap/state.ts';

/** A hook of a target interface, with the program that counts there. */
export interface Lookout {
  readonly ifname: string;
  readonly hook: Hook;
  readonly programId: number;
}

/** The hooks of a sender that are counted at, as of what was observed. */
export function lookoutsOf(desired: Desired, observed: Observed): Lookout[] {
  const { id } = desired;
  const { classifiers } = observed;
  const ahead = holdsOf(desired, observed).filter((hold) => isHeld(hold, observed));
  const behind = Object.entries(classifiers).flatMap(([ifname, { filters }]) =>
    filters.flatMap(({ handle, hook, program, programId }) =>
      isHandleOf(id, handle) && isSeenProgram(program) && programId !== undefined
        ? [{ ifname, hook, programId }]
        : [],
    ),
  );
  return [...ahead, ...behind];
}

/** Both counts of a hook, and what they came to so far. */
export interface Sighting {
  readonly programId: number;
  /** Packets of that direction, by the interface. */
  readonly carried: number;
  /** Packets that the program saw. */
  readonly seen: number;
  /** So many times in a row next to nothing was seen of what was carried. */
  readonly misses: number;
}

/** Fewer packets prove nothing: some may come between two readings. */
const leastPackets = 10;
/** Of so many packets fewer than one was seen. */
const leastSeen = 20;
const missesOfTheBlind = 2;

/** What an interface carried in the direction of a hook. @param netDev content of /proc/net/dev */
export function carriedAt({ ifname, hook }: Lookout, netDev: string): number {
  const { receivedPackets, sentPackets } = netDevCounts(netDev, ifname);
  return hook === 'ingress' ? receivedPackets : sentPackets;
}

/** Whether it is worth the while to read what the program saw: there is nothing to compare with yet, or enough came. */
export function isWorthReading(last: Sighting | undefined, { programId }: Lookout, carried: number): boolean {
  return !isSame(last, programId, carried) || carried - last.carried >= leastPackets;
}

/**
 * Holds two readings against each other.
 *
 * @param before what was carried before the program's count was read
 * @param after what was carried after that: the next comparison begins there, so that it cannot have packets that the
 *   program's count does not have
 */
export function judge(
  last: Sighting | undefined,
  { programId }: Lookout,
  seen: number,
  { before, after }: { readonly before: number; readonly after: number },
): Sighting {
  if (!isSame(last, programId, before) || seen < last.seen)
    return { programId, carried: after, seen, misses: 0 };
  const carried = before - last.carried;
  if (carried < leastPackets) return last;
  const isMissed = (seen - last.seen) * leastSeen < carried;
  return { programId, carried: after, seen, misses: isMissed ? last.misses + 1 : 0 };
}

/** Whether the tap does not see what passes. */
export function isBlind({ misses }: Sighting): boolean {
  return misses >= missesOfTheBlind;
}

/** Whether to look again soon. */
export function isSuspect(sighting: Sighting): boolean {
  return sighting.misses > 0 && !isBlind(sighting);
}

/** An interface or a program that is made anew counts from 0. */
function isSame(last: Sighting | undefined, programId: number, carried: number): last is Sighting {
  return last?.programId === programId && carried >= last.carried;
}
