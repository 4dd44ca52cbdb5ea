import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { readClassifiers } from '#src/net/classifiers.ts';
import { listGuarded, removeGuards } from '#src/net/guardTable.ts';
import { listLeases } from '#src/net/leases.ts';
import { listLinks } from '#src/net/links.ts';
import { inOwnNetns, type Netns, ownNetns } from '#src/net/netns.ts';
import { applySteps } from '#src/net/steps.ts';
import type { Guarded } from '#src/tap/guard/rules.ts';
import type { Lease } from '#src/tap/programs/lease.ts';
import { withLiveJoined } from '#src/tap/plan/joined.ts';
import { planSweep } from '#src/tap/plan/sweep.ts';
import { macOf, parseAlias, type TapId } from '#src/tap/ownership/mark.ts';
import type { Observed } from '#src/tap/state.ts';
import { liveTaps } from './endpoint/lock.ts';
import { openNamespaces } from '#src/net/nodeNamespaces.ts';
import type { Timing } from './timing.ts';

/**
 * Removes what taps left whose agent is gone for good. Of a sender its lease says so, in whatever network namespace it
 * is: it has ended, and no agent of that tap runs. Without one, for it was killed before it loaded its programs or could
 * load none, its entry of nftables leads to it. While its lease runs nothing of it is touched. A receiver's device and the
 * taps' entries of nftables, in the node's own namespace, have no lease: they go when for as long as a lease no agent of
 * that tap was seen. To a receiver's device in a pod its entry leads.
 */
export class Sweeper {
  readonly #entersPods: boolean;
  readonly #timing: Timing;
  readonly #log: Logger;
  /** Taps without an agent that left a receiver's device or an entry of nftables: since when. */
  readonly #abandonedAt = new Map<TapId, number>();

  /** @param entersPods whether the agent may enter other network namespaces, and read other taps' leases */
  constructor(entersPods: boolean, timing: Timing, log: Logger) {
    this.#entersPods = entersPods;
    this.#timing = timing;
    this.#log = log;
  }

  /** Searches once. What fails is tried again at the next search. */
  async sweep(options: RunOptions): Promise<void> {
    try {
      const guarded = await this.#listGuarded();
      const leases = this.#entersPods ? await listLeases() : [];
      const { running, ended } = tapsByLease(leases);
      const abandoned = await this.#findAbandoned(guarded);
      const dead = new Set([...abandoned].filter((tap) => !running.has(tap)));
      if (dead.size > 0) await this.#cleanNode(dead, options);
      if (this.#entersPods) await this.#sweepPods(guarded, dead, ended, options);
      // Last, for by its entry a tap is found again.
      const unkept = guarded.filter(({ tap }) => dead.has(tap));
      if (unkept.length > 0) await this.#removeGuards(unkept, options);
    } catch (error) {
      // It is no reason for the agent's own tap to fail.
      if (!options.signal?.aborted)
        this.#log.warn({ cause: messageOf(error) }, 'the search for leftovers failed');
    }
  }

  async #sweepPods(
    guarded: readonly Guarded[],
    abandoned: ReadonlySet<TapId>,
    ended: ReadonlySet<TapId>,
    options: RunOptions,
  ): Promise<void> {
    const live = liveTaps('sender');
    const guardedThere = guarded.filter(isInPod).flatMap(({ tap }) => (abandoned.has(tap) ? [tap] : []));
    const dead = new Set([...ended, ...guardedThere].filter((tap) => !live.has(tap)));
    if (dead.size === 0) return;
    const namespaces = new Map<number, Netns>();
    try {
      openNamespaces(namespaces);
      for (const netns of namespaces.values()) await this.#clean(netns, dead, options);
    } finally {
      for (const netns of namespaces.values()) netns.close();
    }
  }

  /** Taps with a receiver's device here, or an entry of nftables, of which no agent was seen for the time of a lease. */
  async #findAbandoned(guarded: readonly Guarded[]): Promise<ReadonlySet<TapId>> {
    const live = liveTaps();
    const devices = (await listLinks(ownNetns)).flatMap(({ kind, mac, alias }) => {
      const tap = parseAlias(alias)?.id;
      return kind === 'vxlan' && tap !== undefined && mac === macOf(tap, 'receiver') ? [tap] : [];
    });
    const all = [...devices, ...guarded.map(({ tap }) => tap)];
    return this.#longAbandoned(new Set(all.filter((tap) => !live.has(tap))));
  }

  async #cleanNode(dead: ReadonlySet<TapId>, options: RunOptions): Promise<void> {
    await inOwnNetns((node) => this.#clean(node, dead, options));
  }

  async #removeGuards(unkept: readonly Guarded[], options: RunOptions): Promise<void> {
    await removeGuards(unkept, options);
    this.#log.warn({ taps: unkept.map(({ tap }) => tap), steps: ['delete entries of nftables'] }, notice);
  }

  /**
   * Those that are this agent's to remove: an entry that leads to what is left in a pod only who can enter that removes.
   * Without nftables there are none, which the guard of the agent's own end has said.
   */
  async #listGuarded(): Promise<readonly Guarded[]> {
    try {
      const all = await listGuarded();
      return this.#entersPods ? all : all.filter((each) => !isInPod(each));
    } catch (error) {
      if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
      this.#log.debug({ err: error }, 'the entries of nftables could not be read');
      return [];
    }
  }

  #longAbandoned(abandoned: ReadonlySet<TapId>): ReadonlySet<TapId> {
    const now = performance.now();
    for (const tap of this.#abandonedAt.keys()) if (!abandoned.has(tap)) this.#abandonedAt.delete(tap);
    for (const tap of abandoned) this.#abandonedAt.set(tap, this.#abandonedAt.get(tap) ?? now);
    const { leaseMs } = this.#timing;
    return new Set([...this.#abandonedAt].flatMap(([tap, since]) => (now - since >= leaseMs ? [tap] : [])));
  }

  async #clean(netns: Netns, dead: ReadonlySet<TapId>, options: RunOptions): Promise<void> {
    const steps = planSweep(dead, await observeAll(netns));
    if (steps.length === 0) return;
    const { done, failures } = await applySteps(netns, steps, { ...options, force: true });
    this.#log.warn({ taps: [...dead], steps: done.map((step) => `${step.do} ${step.link}`) }, notice);
    for (const { error } of failures) this.#log.debug({ err: error }, 'a leftover was not removed');
  }
}

/** What is left of it may be in a pod. */
function isInPod({ role, inPod }: Guarded): boolean {
  return role === 'sender' || inPod === true;
}

const notice = 'removed what taps left that no agent keeps';

/** Taps whose lease runs, and those of which one has ended. */
function tapsByLease(leases: readonly Lease[]): Record<'running' | 'ended', ReadonlySet<TapId>> {
  const now = process.hrtime.bigint();
  return {
    running: tapsOf(leases.filter(({ untilNs }) => untilNs >= now)),
    ended: tapsOf(leases.filter(({ untilNs }) => untilNs < now)),
  };
}

function tapsOf(leases: readonly Lease[]): ReadonlySet<TapId> {
  return new Set(leases.map(({ tap }) => tap));
}

async function observeAll(netns: Netns): Promise<Observed> {
  const links = await listLinks(netns);
  const names = links.map(({ name }) => name);
  const classifiers = Object.fromEntries(await readClassifiers(netns, links, names));
  return { links, classifiers, liveTaps: withLiveJoined(liveTaps(), links) };
}
