import { readClassified } from '#src/net/classifiers.ts';
import { netDevCounts } from '#src/tap/netDev.ts';
import { reportPacket } from '#src/tap/report.ts';
import type { Guard } from './guard.ts';
import type { Way, Watch } from './way.ts';

const everyMs = 5000;
/** At first the sender waits for it, to know whether its largest copies get through. */
const atFirst = { forMs: 10_000, everyMs: 1000 };

/** Tells the sender now and then what came, while it is there. */
export function sendReports(vni: number, guard: Guard): Watch {
  let beganAt: number | undefined;
  let dueAt = -Infinity;
  let seen = -1;
  let packets = 0;
  return async ({ netns, netDev, ifname, peer }: Way) => {
    const now = performance.now();
    beganAt ??= now;
    if (now < dueAt) return undefined;
    const interval = now < beganAt + atFirst.forMs ? atFirst.everyMs : everyMs;
    dueAt = now + interval;
    await guard.keep(interval / 2); // or a tick that comes a little early would let the look wait for the next report
    // The device's own count is cheap to read but takes a packet that the kernel merged of several for one.
    const { receivedPackets } = netDevCounts(netDev, ifname);
    if (receivedPackets !== seen) packets = await readClassified(netns, ifname);
    seen = receivedPackets;
    peer.send(reportPacket(vni, { packets, probes: guard.probes }));
    return undefined;
  };
}
