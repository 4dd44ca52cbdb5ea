import type { Logger } from 'pino';
import { readClassified } from '#src/net/classifiers.ts';
import { netDevCounts } from '#src/tap/proc/netDev.ts';
import { reportPacket } from '#src/tap/packets/receiverReport.ts';
import type { Tunnel } from '#src/tap/state.ts';
import type { Guard } from './sourceGuard.ts';
import { noteMerging } from './noteMerging.ts';
import type { Timing } from '#src/agent/timing.ts';
import type { PathFacts, PathWatch } from './pathWatch.ts';

/** Goes on when the agent starts anew, and is the same for all agents of the node. */
const clockMs = () => Number(process.hrtime.bigint() / 1_000_000n);

/** Tells the sender now and then what came, while it is there. */
export function sendReports(
  tunnel: Tunnel,
  guard: Guard,
  log: Logger,
  { reportMs, firstReports }: Timing,
): PathWatch {
  let beganAt: number | undefined;
  let dueAt = -Infinity;
  let seen = -1;
  let packets = 0;
  return async ({ netns, netDev, ifname, peer }: PathFacts) => {
    const now = performance.now();
    if (beganAt === undefined) await noteMerging(tunnel, log);
    beganAt ??= now;
    if (now < dueAt) return undefined;
    const interval = now < beganAt + firstReports.forMs ? firstReports.everyMs : reportMs;
    dueAt = now + interval;
    await guard.keep(interval / 2); // or a tick that comes a little early would let the look wait for the next report
    // The device's own count is cheap to read but takes a packet that the kernel merged of several for one.
    const { receivedPackets } = netDevCounts(netDev, ifname);
    if (receivedPackets !== seen) packets = await readClassified(netns, ifname);
    seen = receivedPackets;
    peer.send(reportPacket(tunnel.vni, { packets, probes: guard.probes, atMs: clockMs() }));
    return undefined;
  };
}
