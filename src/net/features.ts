import * as z from 'zod/mini';
import type { RunOptions } from '#src/exec/command.ts';
import type { Netns } from './netns.ts';

/** `ethtool --json --show-features DEV` of ethtool 6.1, as far as it is used. */
const feature = z.object({ active: z.boolean() });
const features = z.tuple([z.object({ 'generic-receive-offload': feature, 'tx-checksumming': feature })]);

/** Whether a device merges packets that it receives into larger ones (GRO). */
export async function isMerging(netns: Netns, ifname: string, options: RunOptions): Promise<boolean> {
  return (await readFeatures(netns, ifname, options))['generic-receive-offload'].active;
}

/** Whether a device takes packets whose checksums are not filled in, and so also those that are not cut into segments. */
export async function takesUnfinished(netns: Netns, ifname: string, options: RunOptions): Promise<boolean> {
  return (await readFeatures(netns, ifname, options))['tx-checksumming'].active;
}

async function readFeatures(
  netns: Netns,
  ifname: string,
  options: RunOptions,
): Promise<z.infer<typeof features>[0]> {
  const json = await netns.run('ethtool', ['--json', '--show-features', ifname], options);
  return z.parse(features, JSON.parse(json))[0];
}
