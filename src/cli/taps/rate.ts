import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '#src/kube/cluster.ts';
import { fewerLost, readAccounts, type Reading } from './accounts.ts';
import type { ListedTap } from './taps.ts';

/** Between two readings. An agent may tell what it read up to a second ago. */
const BETWEEN_MS = 1500;

/** What a list says of a tap's copies. Undefined: it is not known. */
export interface Flow {
  readonly bitsPerSecond: number | undefined;
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
  return new Map(taps.map((tap) => [tap, flowOf(before.get(tap), after.get(tap))]));
}

function flowOf(before: Reading | undefined, after: Reading | undefined): Flow {
  if (before === undefined || after === undefined)
    return { bitsPerSecond: undefined, lostPackets: before?.account.lostPackets };
  const { lostPackets, receivedPackets } = after.account;
  return {
    bitsPerSecond: bitsPerSecond(before, after),
    // What was sent before has arrived by now, or is lost.
    lostPackets: fewerLost(lostPackets, before.account.sentPackets, receivedPackets),
  };
}

/** Undefined where counts began anew between, as they do in a new network of the target. */
export function bitsPerSecond(before: Reading, after: Reading): number | undefined {
  if (before.account.copiedBytes === undefined || after.account.copiedBytes === undefined) return undefined;
  const bytes = after.account.copiedBytes - before.account.copiedBytes;
  const seconds = (after.atMs - before.atMs) / 1000;
  return bytes < 0 || seconds <= 0 ? undefined : Math.round((bytes * 8) / seconds);
}

const UNITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'];

/** With three digits, as people read it. */
export function rateText(bits: number | undefined): string {
  if (bits === undefined) return '?';
  const power = bits < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bits) / 3));
  const value = bits / 1000 ** power;
  return `${power === 0 ? bits : value.toPrecision(3)} ${UNITS[power]}`;
}
