import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import * as z from 'zod/mini';
import { messageOf } from '#src/errors.ts';
import { isOvertaken, type Objects } from './api/objects.ts';

/** The times of an election: how long a leader may say nothing, when it gives up, and how often it says that it is there. */
export interface ElectionTimes {
  readonly leaseMs: number;
  readonly renewWithinMs: number;
  readonly retryMs: number;
}

/** Those of Kubernetes' own controllers. */
export const ELECTION_TIMES: ElectionTimes = { leaseMs: 15_000, renewWithinMs: 10_000, retryMs: 2000 };

const leaseSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  spec: z.optional(
    z.object({
      holderIdentity: z.optional(z.string()),
      leaseTransitions: z.optional(z.int()),
      renewTime: z.optional(z.string()),
    }),
  ),
});

type Lease = z.infer<typeof leaseSchema>;

/**
 * Of several controllers one leads: the one that renews the Lease. Whether it has expired is told by this process' own clock, since
 * it last saw the Lease change; times of other machines are never compared.
 */
export class Election {
  readonly #objects: Objects;
  readonly #namespace: string;
  readonly #identity: string;
  readonly #times: ElectionTimes;
  readonly #log: Logger;
  /** When the last renewal that succeeded was asked for. */
  #renewedMs = -Infinity;
  #seen: { readonly version: string; readonly sinceMs: number } | undefined;

  constructor(objects: Objects, namespace: string, identity: string, times: ElectionTimes, log: Logger) {
    this.#objects = objects;
    this.#namespace = namespace;
    this.#identity = identity;
    this.#times = times;
    this.#log = log;
  }

  /** Waits until this process leads. */
  async win(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (await this.#tryOnce()) return;
      } catch (error) {
        this.#log.warn({ error: messageOf(error) }, 'cannot ask for the lease');
      }
      await this.#pause(signal);
    }
  }

  /** Whether nobody else can lead yet: a process that was paused asks before it writes. */
  get isHeld(): boolean {
    return performance.now() - this.#renewedMs < this.#times.renewWithinMs;
  }

  /** Renews the Lease until the signal; returns earlier when it is lost: then this process must do nothing more. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#pause(signal);
      try {
        if ((await this.#inTime(this.#tryOnce())) === false) return;
      } catch (error) {
        this.#log.warn({ error: messageOf(error) }, 'cannot renew the lease');
      }
      if (!this.isHeld) return;
    }
  }

  /** What comes of it before the lease has to be given up; undefined: nothing. */
  async #inTime(renewal: Promise<boolean>): Promise<boolean | undefined> {
    const leftMs = Math.max(0, this.#renewedMs + this.#times.renewWithinMs - performance.now());
    const late = new AbortController();
    try {
      return await Promise.race([
        renewal,
        sleep(leftMs, undefined, { signal: late.signal }).catch(() => undefined),
      ]);
    } finally {
      late.abort();
    }
  }

  /** Lets the next one lead at once. */
  async release(): Promise<void> {
    const lease = await this.#read();
    if (lease?.spec?.holderIdentity !== this.#identity) return;
    await this.#write(lease, '', 1);
  }

  async #tryOnce(): Promise<boolean> {
    const askedMs = performance.now();
    const lease = await this.#read();
    const holder = lease?.spec?.holderIdentity;
    if (holder && holder !== this.#identity && !this.#hasExpired(lease)) return false;
    try {
      await this.#write(lease, this.#identity, Math.ceil(this.#times.leaseMs / 1000));
      this.#renewedMs = askedMs;
      return true;
    } catch (error) {
      if (isOvertaken(error)) return false;
      throw error;
    }
  }

  #hasExpired({ metadata: { resourceVersion: version } }: Lease): boolean {
    const nowMs = performance.now();
    if (this.#seen?.version !== version) this.#seen = { version, sinceMs: nowMs };
    return nowMs - this.#seen.sinceMs > this.#times.leaseMs;
  }

  async #read(): Promise<Lease | undefined> {
    const found = await this.#objects.get(`${this.#folder}/${NAME}`);
    return found === undefined ? undefined : z.parse(leaseSchema, found);
  }

  async #write(before: Lease | undefined, holder: string, seconds: number): Promise<void> {
    const now = new Date().toISOString().replace('Z', '000Z');
    const isSame = before?.spec?.holderIdentity === holder;
    const transitions = before?.spec?.leaseTransitions ?? 0;
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: NAME,
        namespace: this.#namespace,
        ...(before === undefined ? {} : { resourceVersion: before.metadata.resourceVersion }),
      },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: seconds,
        renewTime: now,
        leaseTransitions: isSame ? transitions : transitions + 1,
      },
    };
    await (before === undefined
      ? this.#objects.create(this.#folder, lease)
      : this.#objects.update(`${this.#folder}/${NAME}`, lease));
  }

  get #folder(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#namespace}/leases`;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const delayMs = this.#times.retryMs * (0.8 + Math.random() * 0.4);
    await sleep(delayMs, undefined, { signal }).catch(() => {});
  }
}

const NAME = 'kokotap-controller';
