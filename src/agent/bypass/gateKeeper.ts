import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import type { RunOptions } from '#src/exec/command.ts';
import { findGate, writeGate } from '#src/net/gates.ts';
import { readNodeTreatment } from '#src/net/nodeTreatment.ts';
import { preferences } from '#src/tap/ownership/mark.ts';
import { ruleNaming } from '#src/tap/path/outputRules.ts';
import { netDevCounts } from '#src/tap/proc/netDev.ts';
import type { GateReason } from '#src/tap/programs/gate.ts';
import { mayWrap } from '#src/tap/programs/nodeTraffic.ts';
import type { Observed, Tunnel } from '#src/tap/state.ts';
import { shared } from '#src/agent/answers/reading.ts';
import type { Timing } from '#src/agent/timing.ts';
import type { Bypass } from './bypass.ts';

/** What the gate depends on, besides what the keeper reads of the node. */
export interface GateFacts {
  /** What is in the node. */
  readonly tunnel: Observed;
  /** Content of the node's /proc/net/dev. */
  readonly netDev: string;
  /** The peer says hello. */
  readonly isPeerThere: boolean;
  /** Copies get to the peer, as far as is known. */
  readonly doCopiesArrive: boolean;
}

/** An open gate closes by itself after so many looks that do not come. */
const looksUntilClosed = 2.5;
/** Reports of the receiver that may be missing. */
const reportsMissing = 3;

/**
 * Keeps the gate by which copies go past the IP stack of the node: it is open only while nothing of the node wants to treat
 * the tunnel's packets, and the peer's hellos and reports, which go the ordinary way, keep coming.
 */
export class GateKeeper {
  readonly #bypass: Bypass;
  readonly #tunnel: Tunnel;
  readonly #timing: Timing;
  readonly #log: Logger;
  #programId: number | undefined;
  #mapId: number | undefined;
  /** When it looked last, in periods, so that all endpoints of an agent look at the same moments and share what they read. */
  #period: number | undefined;
  #received: number | undefined;
  #reportedAt = -Infinity;
  /** Copies that went past the IP stack did not arrive: they go the ordinary way for a while. */
  #barredUntil = -Infinity;
  #isOpen = false;
  #said: string | undefined;

  constructor(bypass: Bypass, tunnel: Tunnel, timing: Timing, log: Logger) {
    this.#bypass = bypass;
    this.#tunnel = tunnel;
    this.#timing = timing;
    this.#log = log;
  }

  /** Looks once; called every second while the endpoint is in place. A gate that cannot be written closes by itself. */
  async check(facts: GateFacts, options: RunOptions): Promise<void> {
    this.#follow(facts);
    const now = performance.now();
    const period = Math.floor(now / this.#timing.pathCheckMs);
    const peerTrouble = this.#peerTrouble(facts, now);
    if (peerTrouble === undefined && period === this.#period) return;
    if (peerTrouble !== undefined && !this.#isOpen && this.#said === peerTrouble.reason) return;
    if (peerTrouble === undefined) this.#period = period;
    try {
      const found = peerTrouble ?? (await this.#look());
      if ('ifindex' in found) await this.#open(found.ifindex);
      else await this.#close(found);
    } catch (error) {
      this.#mapId = undefined;
      if (options.signal?.aborted !== true) this.#log.warn({ cause: messageOf(error) }, notWritten);
    }
  }

  /** Another program has another gate, which is closed. */
  #follow({ tunnel, netDev }: GateFacts): void {
    const { ifname } = this.#bypass.tunnel;
    const programId = tunnel.classifiers[ifname]?.filters.find(
      ({ hook, preference }) => hook === 'egress' && preference === preferences.copy,
    )?.programId;
    if (programId !== this.#programId) {
      this.#programId = programId;
      this.#mapId = undefined;
      this.#isOpen = false;
      this.#period = undefined;
      this.#said = undefined;
    }
    const { receivedPackets } = netDevCounts(netDev, ifname);
    if (this.#received !== undefined && receivedPackets > this.#received)
      this.#reportedAt = performance.now();
    this.#received = receivedPackets;
  }

  #peerTrouble({ isPeerThere, doCopiesArrive }: GateFacts, now: number): Trouble | undefined {
    if (!isPeerThere) return { reason: 'peer-silent', says: 'the peer says no hello' };
    if (!doCopiesArrive && this.#isOpen) this.#barredUntil = now + this.#timing.probeAgainMs;
    if (now < this.#barredUntil)
      return { reason: 'copies-lost', says: 'copies that went past it did not get to the peer' };
    if (now - this.#reportedAt > reportsMissing * this.#timing.reportMs)
      return { reason: 'no-reports', says: 'the receiver sends no reports' };
    return undefined;
  }

  /** Finds the device that copies may leave by, or what speaks against it. What cannot be read speaks against it. */
  async #look(): Promise<{ readonly ifindex: number } | Trouble> {
    try {
      const { ifname, kind, type, ifindex } = await this.#bypass.readPath();
      if (type !== 'ether' || mayWrap(kind))
        return { reason: 'underlay-device', says: `the route goes by ${ifname}, of kind ${kind || type}` };
      if (!isForwarding(this.#bypass.tunnel.ifname))
        return { reason: 'forwarding-off', says: 'IPv4 forwarding is off' };
      const { hasIpsec, ruleset } = await readTreatment();
      if (hasIpsec) return { reason: 'ipsec-policy', says: 'the node has IPsec policies' };
      if (ruleset === undefined)
        return { reason: 'unreadable', says: 'the rules of iptables-legacy cannot be read' };
      const rule = ruleNaming(ruleset, this.#tunnel);
      return rule === undefined
        ? { ifindex }
        : { reason: 'netfilter-rule', says: `a netfilter rule names the tunnel: ${rule}` };
    } catch (error) {
      return { reason: 'unreadable', says: messageOf(error) };
    }
  }

  async #open(ifindex: number): Promise<void> {
    const openMs = looksUntilClosed * this.#timing.pathCheckMs;
    const untilNs = process.hrtime.bigint() + BigInt(Math.round(openMs * 1e6));
    await this.#write({ untilNs, ifindex, reason: 'not-looked-yet' });
    if (!this.#isOpen) this.#log.info('copies go past the IP stack of the node');
    this.#isOpen = true;
    this.#said = undefined;
  }

  async #close({ reason, says }: Trouble): Promise<void> {
    await this.#write({ untilNs: 0n, ifindex: 0, reason });
    const isNews = this.#isOpen || (this.#said !== reason && !ofPeer.has(reason));
    if (isNews) this.#log.info({ cause: says }, 'copies go through the IP stack of the node');
    this.#isOpen = false;
    this.#said = reason;
  }

  async #write(gate: Parameters<typeof writeGate>[1]): Promise<void> {
    if (this.#programId === undefined) return;
    this.#mapId ??= await findGate(this.#programId);
    if (this.#mapId !== undefined) await writeGate(this.#mapId, gate);
  }
}

/** Why the gate is to be closed. */
interface Trouble {
  readonly reason: GateReason;
  readonly says: string;
}

const notWritten =
  'the gate of copies past the IP stack of the node could not be written; it closes by itself';

/** Without it the kernel names no route to a program that asks for a packet which comes in by a device. */
function isForwarding(ifname: string): boolean {
  return readFileSync(`/proc/sys/net/ipv4/conf/${ifname}/forwarding`, 'utf8').trim() === '1';
}

/** At the beginning the peer is awaited, which is no news. */
const ofPeer: ReadonlySet<GateReason> = new Set(['peer-silent', 'no-reports']);

/** Endpoints that look in the same moments have one reading, and one that takes long takes a small part of the time only. */
const treatmentFreshMs = 500;
const restFactor = 19;
const readTreatment = shared(() => readNodeTreatment({}), treatmentFreshMs, restFactor);
