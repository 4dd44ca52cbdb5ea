import { idleTargets } from '#src/tap/counters/idleTargets.ts';
import { netDevCounts } from '#src/tap/proc/netDev.ts';
import type { Observed, Desired } from '#src/tap/state.ts';
import type { Timing } from '#src/agent/timing.ts';

/** Watches whether a sender's target interfaces carry anything, by a file that is read every second anyway. */
export class IdleWatch {
  readonly #copies: Desired['copies'];
  readonly #timing: Timing;
  /** The file as it was when the tap was first there. */
  #first: string | undefined;
  #links: Observed['links'] | undefined;
  #dueAt = 0;
  #notice: string | undefined;

  constructor({ copies }: Desired, timing: Timing) {
    this.#copies = copies;
    this.#timing = timing;
  }

  /**
   * Says what is idle; undefined: nothing, or it is not known yet.
   *
   * @param netDev content of /proc/net/dev
   */
  check(netDev: string, observed: Observed): string | undefined {
    const now = performance.now();
    if (now < this.#dueAt && observed.links === this.#links) return this.#notice;
    const first = (this.#first ??= netDev);
    this.#links = observed.links;
    this.#dueAt = now + this.#timing.idleMs;
    const ever = (ifname: string) => packetsOf(netDev, ifname);
    const lately = (ifname: string) => Math.max(0, ever(ifname) - packetsOf(first, ifname));
    this.#notice = idleTargets(this.#copies, observed, { ever, lately });
    return this.#notice;
  }
}

function packetsOf(netDev: string, ifname: string): number {
  const { receivedPackets, sentPackets } = netDevCounts(netDev, ifname);
  return receivedPackets + sentPackets;
}
