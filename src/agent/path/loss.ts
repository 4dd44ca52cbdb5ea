import type { Logger } from 'pino';
import { type Arrival, isDead, isSuspect, nextArrival } from '#src/tap/path/arrival.ts';
import type { Netns } from '#src/net/netns.ts';
import type { Tunnel } from '#src/tap/state.ts';
import { readReceiverReport, readSent } from './receiverReports.ts';
import type { Timing } from '#src/agent/timing.ts';
import type { PathFacts } from './pathWatch.ts';

/** What was sent by the last look and has not come by the receiver's latest report is lost. */
export class Loss {
  readonly #tunnel: Tunnel;
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
  #hasToldSilence = false;
  #arrival: Arrival | undefined;

  constructor(tunnel: Tunnel, log: Logger, timing: Timing) {
    this.#tunnel = tunnel;
    this.#log = log;
    this.#timing = timing;
  }

  /** Says what is wrong while nothing arrives of what is sent; a part that is lost is only told in the log. */
  async check(facts: PathFacts): Promise<string | undefined> {
    await this.#look(facts);
    return this.#arrival !== undefined && isDead(this.#arrival) ? nothingArrives(this.#tunnel) : undefined;
  }

  /** Whether copies are being lost, by the last look. */
  get isLosing(): boolean {
    return this.#losing;
  }

  async #look({ netns, ifname, deviceSent }: PathFacts): Promise<void> {
    const now = performance.now();
    if (now < this.#dueAt) return;
    this.#beganAt ??= now;
    this.#dueAt = now + this.#timing.lossCheckMs;
    if (deviceSent === this.#last?.deviceSent && this.#isSettled) return;
    const report = await readReceiverReport(netns, ifname);
    if (report === undefined) {
      // The first report is about to come, and a loss of what is sent before the first look is not known as one.
      if (now < this.#beganAt + this.#timing.firstReports.forMs) this.#dueAt = 0;
      else await this.#tellSilence(netns, ifname);
      return;
    }
    if (report.reports === this.#last?.reports) return;
    const sent = (await readSent(netns, ifname)) ?? 0;
    if (this.#last !== undefined && sent < this.#last.sent) this.#beginAnew();
    // More than was sent: the rest came to the receiver before this device was there.
    const foreign = report.receivedPackets - sent;
    if (foreign > 0) await report.disown(foreign);
    if (this.#last === undefined) this.#lost = sent > 0 ? undefined : 0;
    else this.#tell(Math.max(0, this.#last.sent - report.receivedPackets));
    const receivedPackets = report.receivedPackets - Math.max(0, foreign);
    this.#arrival = nextArrival(this.#arrival, this.#last?.sent, receivedPackets);
    // The next report tells whether it lasts, or is over.
    if (isSuspect(this.#arrival)) this.#dueAt = now + this.#timing.reportMs + this.#timing.checkMs;
    this.#isSettled = !this.#losing && (sent === 0 || sent === this.#last?.sent);
    this.#last = { sent, reports: report.reports, deviceSent };
  }

  /** Once; a sender without eBPF, which hears no reports, has said that. */
  async #tellSilence(netns: Netns, ifname: string): Promise<void> {
    if (this.#hasToldSilence || (await readSent(netns, ifname)) === undefined) return;
    this.#hasToldSilence = true;
    this.#log.warn({ remote: this.#tunnel.remote }, noReports);
  }

  /** The device is another one than at the last look, and its counts begin at 0. */
  #beginAnew(): void {
    if (this.#lost !== undefined) this.#tell(this.#lost);
    this.#lost = 0;
    this.#arrival = undefined;
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

const noReports =
  'the receiver is there, but sends no reports that this version reads, so losses, and whether the largest copies arrive, are not known: use one version of kokotap for both pods of a tap';

function nothingArrives({ remote }: Tunnel): string {
  return `no copy gets to ${remote}, though hellos do: a network card that spoils tunnel packets (on both nodes: ethtool -K INTERFACE tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off), or something on the way that drops them, for example a firewall that wants UDP checksums`;
}
