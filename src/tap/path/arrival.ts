/** Whether any of the copies that are sent arrive, by the counts of both endpoints at one look after the other. */
export interface Arrival {
  /** Copies that the receiver had at the last look. */
  readonly received: number;
  /** Copies that were to have arrived by then. */
  readonly due: number;
  /** Copies that were due since one arrived. */
  readonly missing: number;
  /** Looks at which some were due and none had arrived, in a row. */
  readonly looks: number;
}

/** Fewer may all be lost for a moment's trouble. */
const leastCopies = 10;
const leastLooks = 2;

/**
 * Takes note of a look.
 *
 * @param due copies that were sent by the look before; undefined at the first
 * @param received copies that the receiver has by now
 */
export function nextArrival(last: Arrival | undefined, due: number | undefined, received: number): Arrival {
  if (last === undefined || due === undefined || received < last.received || due < last.due)
    return { received, due: received, missing: 0, looks: 0 };
  if (received > last.received) return { received, due, missing: 0, looks: 0 };
  if (due === last.due) return last;
  return { received, due, missing: last.missing + due - last.due, looks: last.looks + 1 };
}

/** Whether nothing arrives, and has not for a while. */
export function isDead({ missing, looks }: Arrival): boolean {
  return looks >= leastLooks && missing >= leastCopies;
}

/** Whether nothing has arrived of what was due. */
export function isSuspect({ looks }: Arrival): boolean {
  return looks > 0;
}
