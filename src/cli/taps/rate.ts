import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '#src/kube/cluster.ts';
import { type Account, fewerLost, readAccounts, type Reading } from './accounts.ts';
import type { ListedTap } from './taps.ts';

/** Between two readings. An agent may tell what it read up to a second ago. */
const BETWEEN_MS = 1500;

/** What a list says of a tap's copies. Undefined: it is not known. */
export interface Flow {
  readonly bitsPerSecond: number | undefined;
  /** As the pod sees it. */
  readonly bitsPerSecondOf: {
    readonly ingress: number | undefined;
    readonly egress: number | undefined;
  };
  readonly lostPackets: number | undefined;
}

/** Reads how taps fare, by two readings of their senders' accounts and one of their receivers'. */
export async function readFlows(
  cluster: Cluster,
  taps: readonly ListedTap[],
): Promise<ReadonlyMap<ListedTap, Flow>> {
  const before = await readAccounts(cluster, taps, ['sender']);
  const known = taps.filter((tap) => before.get(tap)?.account.sentPackets !== undefined);
  if (known.length > 0) await sleep(BETWEEN_MS);
  const after = await readAccounts(cluster, known);
  return new Map(taps.map((tap) => [tap, flowBetween(before.get(tap), after.get(tap))]));
}

/** How a tap fared between two readings. */
export function flowBetween(before: Reading | undefined, after: Reading | undefined): Flow {
  if (before === undefined || after === undefined) {
    const known = (after ?? before)?.account;
    const bitsPerSecondOf = { ingress: undefined, egress: undefined };
    return { bitsPerSecond: undefined, bitsPerSecondOf, lostPackets: known?.lostPackets };
  }
  const { lostPackets, receivedPackets } = after.account;
  const ofDirection = (direction: string) =>
    rateOf(before, after, ({ directions }) => directions?.[direction]?.copiedBytes);
  return {
    bitsPerSecond: bitsPerSecond(before, after),
    bitsPerSecondOf: { ingress: ofDirection('ingress'), egress: ofDirection('egress') },
    // What was sent before has arrived by now, or is lost.
    lostPackets: fewerLost(lostPackets, before.account.sentPackets, receivedPackets),
  };
}

/** Of the copies in both directions. */
export function bitsPerSecond(before: Reading, after: Reading): number | undefined {
  return rateOf(before, after, ({ copiedBytes }) => copiedBytes);
}

/** Undefined where counts began anew between, as they do in a new network of the target. */
function rateOf(
  before: Reading,
  after: Reading,
  bytesOf: (account: Account) => number | undefined,
): number | undefined {
  const [first, last] = [bytesOf(before.account), bytesOf(after.account)];
  if (first === undefined || last === undefined) return undefined;
  const seconds = (after.atMs - before.atMs) / 1000;
  return last < first || seconds <= 0 ? undefined : Math.round(((last - first) * 8) / seconds);
}

const UNITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'];

/** With three digits, as people read it. */
export function rateText(bits: number | undefined): string {
  if (bits === undefined) return '?';
  const power = bits < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bits) / 3));
  const value = bits / 1000 ** power;
  return `${power === 0 ? bits : value.toPrecision(3)} ${UNITS[power]}`;
}
