import { readSeen } from '#src/net/counts.ts';
import { listTcx } from '#src/net/tcx.ts';
import { inFrontOf } from '#src/tap/plan/inFront.ts';
import {
  carriedAt,
  isBlind,
  isSuspect,
  isWorthReading,
  judge,
  type Lookout,
  lookoutsOf,
  type Sighting,
} from '#src/tap/counters/sight.ts';
import type { Observed, Desired } from '#src/tap/state.ts';
import type { Place } from '#src/agent/pod/place.ts';
import type { Timing } from '#src/agent/timing.ts';

/** Where there are more, as on a node with many pods, the next comparison waits so much longer. */
const lookoutsAtOnce = 20;

/** Watches whether a sender sees what its target interfaces carry. While they carry nothing, nothing is read but files. */
export class BlindWatch {
  readonly #desired: Desired;
  readonly #timing: Timing;
  #sightings = new Map<string, Sighting>();
  /** Blind hooks with something before the tap's program. */
  #obstructed = new Set<string>();
  #trouble: string | undefined;
  #dueAt = 0;
  #observed: Observed | undefined;
  /** By what was observed. */
  #lookouts: readonly Lookout[] = [];

  constructor(desired: Desired, timing: Timing) {
    this.#desired = desired;
    this.#timing = timing;
  }

  /**
   * Says what the tap does not see, and what is before it; undefined: it sees all, or it is not known.
   *
   * @param before content of /proc/net/dev, which was just read
   * @param observed at the last look
   * @throws {CommandError}
   */
  async check(place: Place, before: string, observed: Observed): Promise<string | undefined> {
    const now = performance.now();
    if (now < this.#dueAt && observed === this.#observed) return this.#trouble;
    if (observed !== this.#observed) this.#lookouts = lookoutsOf(this.#desired, observed);
    this.#observed = observed;
    const lookouts = this.#lookouts;
    const isDue = lookouts.some((each) => {
      const last = this.#sightings.get(keyOf(each));
      return isWorthReading(last, each, carriedAt(each, before)) || (last !== undefined && isBlind(last));
    });
    if (!isDue) return this.#trouble;

    const seen = await readSeen(lookouts.map(({ programId }) => programId));
    const after = place.netDev();
    const sightings = new Map<string, Sighting>();
    for (const each of lookouts) {
      const count = seen.get(each.programId)?.[each.hook];
      if (count === undefined) continue; // its filter was replaced since the last look
      const carried = { before: carriedAt(each, before), after: carriedAt(each, after) };
      sightings.set(keyOf(each), judge(this.#sightings.get(keyOf(each)), each, count, carried));
    }
    const isSoon = [...sightings].some(([key, sighting]) => isSuspect(sighting) || !this.#sightings.has(key));
    this.#sightings = sightings;
    const { checkMs, sightMs } = this.#timing;
    const share = Math.ceil(lookouts.length / lookoutsAtOnce);
    this.#dueAt = now + share * (isSoon ? checkMs : sightMs);
    await this.#describe(lookouts, place, observed);
    return this.#trouble;
  }

  async #describe(lookouts: readonly Lookout[], { netns }: Place, { classifiers }: Observed): Promise<void> {
    const blind = lookouts.filter((each) => {
      const sighting = this.#sightings.get(keyOf(each));
      return sighting !== undefined && isBlind(sighting);
    });
    const tcx = await listTcx(netns, [...new Set(blind.map(({ ifname }) => ifname))]);
    const obstructed = new Set<string>();
    const told = blind.flatMap((each) => {
      const { ifname, hook } = each;
      const { filters } = classifiers[ifname] ?? { filters: [] };
      const inFront = inFrontOf(hook, { filters }, tcx.get(ifname)?.[hook] ?? [], each.programId);
      const what = `what ${ifname} ${hook === 'ingress' ? 'receives' : 'sends'}`;
      if (inFront.length > 0) {
        obstructed.add(keyOf(each));
        return [`${what}: before it comes ${inFront.join(', then ')}`];
      }
      if (!this.#obstructed.has(keyOf(each))) return [`${what}, though no program is known before it`];
      this.#sightings.delete(keyOf(each)); // what was before it is gone
      return [];
    });
    this.#obstructed = obstructed;
    this.#trouble = told.length === 0 ? undefined : `the tap does not see ${told.join('; nor ')}`;
  }
}

function keyOf({ ifname, hook }: Lookout): string {
  return `${ifname} ${hook}`;
}
