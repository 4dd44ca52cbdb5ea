import * as z from 'zod/mini';
import type { RunOptions } from '#src/exec/command.ts';
import type { Netns } from './netns.ts';

/** `ethtool --json --show-features DEV` of ethtool 6.1, as far as it is used. */
const features = z.tuple([z.object({ 'generic-receive-offload': z.object({ active: z.boolean() }) })]);

/** Whether a device merges packets that it receives into larger ones (GRO). */
export async function isMerging(netns: Netns, ifname: string, options: RunOptions): Promise<boolean> {
  const json = await netns.run('ethtool', ['--json', '--show-features', ifname], options);
  return z.parse(features, JSON.parse(json))[0]['generic-receive-offload'].active;
}
