/** What became of the packets of one direction. Every packet seen is in exactly one of the other numbers but the last. */
export interface DirectionAccount {
  readonly seenPackets: number;
  /** Left out by the filter. */
  readonly notMatchingPackets: number;
  /** Of conversations that the sample leaves out. */
  readonly sampledOutPackets: number;
  /** Beyond the rate. */
  readonly shedPackets: number;
  /** Too large for the underlay, and could not be made to fit it. */
  readonly unfitPackets: number;
  readonly copiedPackets: number;
  /** Of the copies while they were whole, with their Ethernet headers. */
  readonly copiedBytes: number;
}

/** What the kernel's parts counted of one direction; packets, and bytes. */
export interface Counted {
  /** By the program on the target interface. */
  readonly seen: number;
  /** By the action that copies, which counts none for a packet that does not say how many it becomes. */
  readonly matched: number;
  /** By the program on the mirror device. */
  readonly sampledOut: number;
  readonly shed: number;
  readonly unfit: number;
  readonly copied: number;
  readonly copiedBytes: number;
  /** Of these, the packets that the action did not count. */
  readonly unmeasured: number;
}

/**
 * Makes up the account of one direction, of all target interfaces together. What an interface counted goes with it, but
 * what became of its copies stays, so these were seen at the least. The counters are read one after the other while
 * packets pass; read from the mirror device back to the target interface, none comes out negative.
 */
export function directionAccount(counted: Counted): DirectionAccount {
  const { seen, sampledOut, shed, unfit, copiedBytes } = counted;
  const matched = matchedOf(counted);
  const gone = Math.max(0, arrivedOf(counted) - matched);
  return {
    seenPackets: seen + gone,
    notMatchingPackets: seen - matched,
    sampledOutPackets: sampledOut,
    shedPackets: shed,
    unfitPackets: unfit,
    copiedPackets: matched + gone - sampledOut - shed - unfit,
    copiedBytes,
  };
}

/** The copies that never came to the program on the mirror device, for the device was not up. */
export function refusedBefore(counted: Counted): number {
  return Math.max(0, matchedOf(counted) - arrivedOf(counted));
}

function matchedOf({ matched, unmeasured }: Counted): number {
  return matched + unmeasured;
}

/** The copies that came to the program on the mirror device. */
export function arrivedOf({
  sampledOut,
  shed,
  unfit,
  copied,
}: Pick<Counted, 'sampledOut' | 'shed' | 'unfit' | 'copied'>): number {
  return sampledOut + shed + unfit + copied;
}
