import type { Logger } from 'pino';
import { isIPv6 } from '#src/tap/address.ts';
import { largestWholeBytes } from '#src/tap/fit.ts';
import { netDevCounts } from '#src/tap/netDev.ts';
import { probePacket } from '#src/tap/probe.ts';
import type { Tunnel } from '#src/tap/state.ts';
import { hearReceiver, readSent } from './heard.ts';
import type { Peer } from './peer.ts';
import type { Timing } from './timing.ts';
import type { Way, Watch } from './way.ts';

/** One may be lost, as any packet may be. */
const probesAtOnce = 3;

/** Follows the copies on their way: tells when they begin and cease to be lost, and whether the largest get through. */
export function followDelivery(tunnel: Tunnel, log: Logger, timing: Timing): Watch {
  const loss = new Loss(log, timing);
  const largest = new LargestCopy(tunnel, log, timing);
  return async (way) => {
    await loss.check(way);
    return largest.check(way);
  };
}

/** Sends packets as large as the largest copy. */
export function sendProbes(peer: Peer, { vni, remote }: Tunnel, packetBytes: number): void {
  const probe = probePacket(vni, packetBytes, isIPv6(remote) ? 40 : 20);
  for (let count = 0; count < probesAtOnce; count++) peer.send(probe);
}

/** What was sent by the last look and has not come by the receiver's latest report is lost. */
class Loss {
  readonly #log: Logger;
  readonly #timing: Timing;
  #beganAt: number | undefined;
  #dueAt = 0;
  #last: { readonly sent: number; readonly reports: number; readonly deviceSent: number } | undefined;
  /** All that was sent is accounted for, so that there is nothing to look at until more is. */
  #isSettled = false;
  /** Undefined: not known yet, for copies were sent before the first look. */
  #lost: number | undefined = 0;
  #losing = false;

  constructor(log: Logger, timing: Timing) {
    this.#log = log;
    this.#timing = timing;
  }

  async check({ netns, netDev, ifname }: Way): Promise<void> {
    const now = performance.now();
    if (now < this.#dueAt) return;
    this.#beganAt ??= now;
    this.#dueAt = now + this.#timing.lossCheckMs;
    const { sentPackets: deviceSent } = netDevCounts(netDev, ifname);
    if (deviceSent === this.#last?.deviceSent && this.#isSettled) return;
    const heard = await hearReceiver(netns, ifname);
    if (heard === undefined) {
      // The first report is about to come, and a loss of what is sent before the first look is not known as one.
      if (now < this.#beganAt + this.#timing.firstReports.forMs) this.#dueAt = 0;
      return;
    }
    if (heard.reports === this.#last?.reports) return;
    const sent = (await readSent(netns, ifname)) ?? 0;
    if (this.#last !== undefined && sent < this.#last.sent) this.#beginAnew();
    // More than was sent: the rest came to the receiver before this device was there.
    const foreign = heard.receivedPackets - sent;
    if (foreign > 0) await heard.disown(foreign);
    if (this.#last === undefined) this.#lost = sent > 0 ? undefined : 0;
    else this.#tell(Math.max(0, this.#last.sent - heard.receivedPackets));
    this.#isSettled = !this.#losing && (sent === 0 || sent === this.#last?.sent);
    this.#last = { sent, reports: heard.reports, deviceSent };
  }

  /** The device is another one than at the last look, and its counts begin at 0. */
  #beginAnew(): void {
    if (this.#lost !== undefined) this.#tell(this.#lost);
    this.#lost = 0;
    this.#last = { sent: 0, reports: 0, deviceSent: 0 };
  }

  #tell(lost: number): void {
    const isMore = this.#lost !== undefined && lost > this.#lost;
    const lostPackets = isMore ? lost : (this.#lost ?? lost);
    if (isMore && !this.#losing)
      this.#log.warn({ lostPackets }, 'copies are being lost on their way to the receiver');
    if (!isMore && this.#losing) this.#log.info({ lostPackets }, 'no more copies are lost');
    this.#losing = isMore;
    this.#lost = lostPackets;
  }
}

/** Whether packets as large as the largest copies get to the receiver: some paths swallow what is too large for them. */
class LargestCopy {
  readonly #tunnel: Tunnel;
  readonly #log: Logger;
  readonly #timing: Timing;
  /** What it is known of, and what is wrong if they do not get through. */
  #known:
    | { readonly bytes: number; readonly trouble: string | undefined; readonly until: number }
    | undefined;
  #asked: { readonly bytes: number; readonly probes: number; readonly until: number } | undefined;

  constructor(tunnel: Tunnel, log: Logger, timing: Timing) {
    this.#tunnel = tunnel;
    this.#log = log;
    this.#timing = timing;
  }

  /** Says what is wrong; undefined: nothing, or it is not known yet. */
  async check({ netns, ifname, peer, fit }: Way): Promise<string | undefined> {
    if (fit === undefined) return undefined;
    const bytes = largestWholeBytes(fit);
    const isKnown = this.#known?.bytes === bytes && performance.now() < this.#known.until;
    if (isKnown) return this.#known?.trouble;
    const heard = await hearReceiver(netns, ifname);
    if (heard === undefined) return this.#known?.trouble;
    const { probes } = heard;
    if (probes === undefined) {
      // A receiver without nftables cannot tell.
      this.#known = { bytes, trouble: undefined, until: performance.now() + this.#timing.probeRetryMs };
    } else if (this.#asked?.bytes !== bytes || probes < this.#asked.probes) {
      this.#asked = { bytes, probes, until: performance.now() + this.#timing.probeTimeoutMs };
      sendProbes(peer, this.#tunnel, bytes);
    } else if (probes > this.#asked.probes) {
      this.#asked = undefined;
      this.#known = { bytes, trouble: undefined, until: Infinity };
      this.#log.info({ packetBytes: bytes }, 'the largest copies get to the receiver');
    } else if (performance.now() > this.#asked.until) {
      this.#asked = undefined;
      this.#known = {
        bytes,
        trouble: swallowed(bytes, this.#tunnel),
        until: performance.now() + this.#timing.probeRetryMs,
      };
    }
    return this.#known?.trouble;
  }
}

function swallowed(bytes: number, { remote }: Tunnel): string {
  return `packets of ${bytes} bytes do not get to ${remote}, small ones do: something on the way drops what is too large for it, and says nothing; give the route to ${remote} the MTU that the path takes`;
}
