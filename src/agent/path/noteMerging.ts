import type { Logger } from 'pino';
import { CommandError } from '#src/exec/command.ts';
import { isMerging } from '#src/net/features.ts';
import { ownNetns } from '#src/net/netns.ts';
import { readPath } from '#src/net/pathMtu.ts';
import type { Tunnel } from '#src/tap/state.ts';

/** Logs it if the underlay's device merges copies that it receives, for captures then do not see them as they were. */
export async function noteMerging({ local, remote }: Tunnel, log: Logger): Promise<void> {
  try {
    const { ifname } = await readPath(local, remote);
    if (await isMerging(ownNetns, ifname)) log.info({ interface: ifname }, notice(ifname));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    log.debug({ err: error }, 'the features of the underlay could not be read');
  }
}

function notice(ifname: string): string {
  return `${ifname} merges packets that it receives (GRO): frames on the mirror can be larger than those of the pod, up to 64 KiB; for captures that need them as they were: ethtool --features ${ifname} gro off`;
}
