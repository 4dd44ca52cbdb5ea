import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import { sendAsCopies } from '#src/net/send.ts';
import { isIPv6 } from '#src/spec/address.ts';
import { largestWholeBytes } from '#src/tap/path/fit.ts';
import { probePacket } from '#src/tap/packets/probe.ts';
import type { Tunnel } from '#src/tap/state.ts';
import { readReceiverReport } from './receiverReports.ts';
import type { Peer } from './peer.ts';
import type { Timing } from '#src/agent/timing.ts';
import type { PathFacts } from './pathWatch.ts';

/** One may be lost, as any packet may be. */
const probesAtOnce = 3;

/** Sends packets as large as the largest copy, just as a VXLAN device sends those. @throws {CommandError} */
export async function sendProbes(tunnel: Tunnel, packetBytes: number): Promise<void> {
  await sendAsCopies(tunnel, probeOf(tunnel, packetBytes), probesAtOnce);
}

/** What is known of packets of a size. */
interface Known {
  readonly bytes: number;
  /** What is wrong, if they do not get through. */
  readonly trouble: string | undefined;
  readonly until: number;
}

/** What the receiver was asked by packets of a size. */
interface Asked {
  readonly bytes: number;
  /** They had a checksum, which copies over IPv4 do not have. */
  readonly withChecksum: boolean;
  readonly probes: number;
  readonly until: number;
}

/**
 * Whether packets as large as the largest copies get to the receiver: some paths swallow what is too large for them, or
 * has no UDP checksum.
 */
export class LargestCopy {
  readonly #tunnel: Tunnel;
  readonly #log: Logger;
  readonly #timing: Timing;
  #known: Known | undefined;
  #asked: Asked | undefined;

  constructor(tunnel: Tunnel, log: Logger, timing: Timing) {
    this.#tunnel = tunnel;
    this.#log = log;
    this.#timing = timing;
  }

  /** Says what is wrong; undefined: nothing, or it is not known yet. */
  async check({ netns, ifname, peer, fit }: PathFacts): Promise<string | undefined> {
    if (fit === undefined) return undefined;
    const bytes = largestWholeBytes(fit);
    const isKnown = this.#known?.bytes === bytes && performance.now() < this.#known.until;
    if (isKnown) return this.#known?.trouble;
    const probes = await readReceiverReport(netns, ifname);
    if (probes !== undefined) await this.#follow(bytes, probes.probes, peer);
    return this.#known?.trouble;
  }

  /** What is known is asked anew: the path may have become worse. */
  doubt(): void {
    if (this.#known?.trouble === undefined) this.#known = undefined;
  }

  async #follow(bytes: number, probes: number | undefined, peer: Peer): Promise<void> {
    const asked = this.#asked;
    if (probes === undefined) {
      this.#learn(bytes, undefined); // a receiver without nftables cannot tell
    } else if (asked?.bytes !== bytes || probes < asked.probes) {
      await this.#ask(bytes, probes, peer, false);
    } else if (probes > asked.probes) {
      if (asked.withChecksum) this.#learn(bytes, withoutChecksum(bytes, this.#tunnel));
      else this.#learnGood(bytes);
    } else if (performance.now() > asked.until) {
      if (asked.withChecksum || isIPv6(this.#tunnel.remote))
        this.#learn(bytes, swallowed(bytes, this.#tunnel));
      else await this.#ask(bytes, probes, peer, true);
    }
  }

  async #ask(bytes: number, probes: number, peer: Peer, withChecksum: boolean): Promise<void> {
    this.#asked = { bytes, probes, withChecksum, until: performance.now() + this.#timing.probeTimeoutMs };
    if (withChecksum) {
      for (let count = 0; count < probesAtOnce; count++) peer.send(probeOf(this.#tunnel, bytes));
      return;
    }
    try {
      await sendProbes(this.#tunnel, bytes);
    } catch (error) {
      this.#log.warn({ cause: messageOf(error) }, 'no packet as large as the largest copies could be sent');
    }
  }

  #learnGood(bytes: number): void {
    const isNews = this.#known?.bytes !== bytes || this.#known.trouble !== undefined;
    if (isNews) this.#log.info({ packetBytes: bytes }, 'the largest copies get to the receiver');
    this.#learn(bytes, undefined, this.#timing.probeAgainMs);
  }

  #learn(bytes: number, trouble: string | undefined, forMs = this.#timing.probeRetryMs): void {
    this.#asked = undefined;
    this.#known = { bytes, trouble, until: performance.now() + forMs };
  }
}

function probeOf({ vni, remote }: Tunnel, packetBytes: number): Uint8Array {
  return probePacket(vni, packetBytes, isIPv6(remote) ? 40 : 20);
}

function swallowed(bytes: number, { remote }: Tunnel): string {
  return `packets of ${bytes} bytes do not get to ${remote}, small ones do: something on the way drops what is too large for it, and says nothing; give the route to ${remote} the MTU that the path takes`;
}

function withoutChecksum(bytes: number, { remote }: Tunnel): string {
  return `packets of ${bytes} bytes without a UDP checksum, as copies are, do not get to ${remote}, those with one do: something on the way, a firewall or a network card, drops them; have it take UDP checksums of 0 (RFC 7348)`;
}
