import { type CopyCounters, difference, readCounters } from '../counters.ts';
import { type Lab, type Node, setUnderlayMtu } from '../lab.ts';
import { loadRoundTrips, loadTcp, loadUdp } from '../load.ts';
import { whileTapped } from '../tap.ts';

/** A way in which the target is tapped, or not. */
export interface Case {
  readonly name: string;
  readonly underlayMtuBytes: number;
  readonly destination: Node | undefined;
}

export const UNTAPPED: Case = { name: 'untapped', underlayMtuBytes: 1500, destination: undefined };
export const MTU_1500: Case = { name: 'underlay MTU 1500', underlayMtuBytes: 1500, destination: 'node-b' };
export const MTU_1600: Case = { name: 'underlay MTU 1600', underlayMtuBytes: 1600, destination: 'node-b' };
export const SAME_NODE: Case = { name: 'same node', underlayMtuBytes: 1500, destination: 'node-a' };
const CASES = [UNTAPPED, MTU_1500, MTU_1600, SAME_NODE];

/** What one case showed in one round. */
export interface Sample {
  readonly case: string;
  readonly round: number;
  readonly tcpBitsPerSecond: number;
  readonly udpPacketsPerSecond: number;
  readonly udpSent: number;
  readonly udpLost: number;
  readonly roundTripMedianMicroseconds: number;
  readonly roundTripP99Microseconds: number;
  /** Of the copies during each load; none if untapped. */
  readonly copies: Readonly<Record<'tcp' | 'udp' | 'roundTrip', CopyCounters>> | undefined;
}

/**
 * Loads the target untapped and tapped, in rounds of all cases, so that what changes on the machine meanwhile changes
 * all of them. Each round begins with another case.
 */
export async function measureTraffic(
  lab: Lab,
  target: string,
  rounds: number,
  progress: (text: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = round % CASES.length;
    for (const each of [...CASES.slice(first), ...CASES.slice(0, first)]) {
      progress(`round ${round + 1} of ${rounds}, ${each.name}`);
      samples.push({ case: each.name, round, ...(await measureCase(lab, target, each)) });
    }
  }
  return samples;
}

async function measureCase(
  lab: Lab,
  target: string,
  { underlayMtuBytes, destination }: Case,
): Promise<Omit<Sample, 'case' | 'round'>> {
  await setUnderlayMtu(underlayMtuBytes);
  if (destination !== undefined)
    return whileTapped(lab, destination, () => measureLoads(target, destination));
  return {
    ...(await loadTcp(target)),
    ...(await loadUdp(target)),
    ...(await loadRoundTrips(target)),
    copies: undefined,
  };
}

async function measureLoads(target: string, destination: Node): Promise<Omit<Sample, 'case' | 'round'>> {
  const start = await readCounters(destination);
  const tcp = await loadTcp(target);
  const afterTcp = await readCounters(destination);
  const udp = await loadUdp(target);
  const afterUdp = await readCounters(destination);
  const roundTrips = await loadRoundTrips(target);
  const end = await readCounters(destination);
  const copies = {
    tcp: difference(start, afterTcp),
    udp: difference(afterTcp, afterUdp),
    roundTrip: difference(afterUdp, end),
  };
  return { ...tcp, ...udp, ...roundTrips, copies };
}
