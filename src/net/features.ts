import { askMonitor } from './monitorProcess.ts';
import type { Visited } from './netns.ts';

/** Whether a device merges packets that it receives into larger ones (GRO). @throws {CommandError} */
export async function isMerging(netns: Visited, ifname: string): Promise<boolean> {
  return (await readFeatures(netns, ifname)).isMerging;
}

/**
 * Whether a device takes packets whose checksums are not filled in, and so also those that are not cut into segments.
 *
 * @throws {CommandError}
 */
export async function takesUnfinished(netns: Visited, ifname: string): Promise<boolean> {
  return (await readFeatures(netns, ifname)).takesUnfinished;
}

async function readFeatures(
  netns: Visited,
  ifname: string,
): Promise<Readonly<Record<'isMerging' | 'takesUnfinished', boolean>>> {
  const [merges, takes] = (await askMonitor(`features ${netns.monitorPath} ${ifname}`)).split(' ');
  return { isMerging: merges === '1', takesUnfinished: takes === '1' };
}
