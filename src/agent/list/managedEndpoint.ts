import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import { removeObjects } from '#src/net/objects.ts';
import type { Table } from '#src/net/nftables.ts';
import { canBecome, type EndpointDocument } from '#src/spec/endpoint.ts';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';
import { type Endpoint, makeEndpoint } from '#src/agent/endpoint/endpoint.ts';
import { EndpointLoop } from '#src/agent/endpoint/endpointLoop.ts';
import { endpointState, type EndpointState } from '#src/agent/endpoint/endpointState.ts';
import { type Lock, takeLock } from '#src/agent/endpoint/lock.ts';
import type { MetricsPorts } from '#src/agent/answers/metricsPorts.ts';
import type { Slots } from '#src/agent/slots.ts';
import { StateReport } from '#src/agent/endpoint/stateReport.ts';
import { retryMs, type Timing } from '#src/agent/timing.ts';

/** What all endpoints of an agent share. */
export interface Shared {
  readonly log: Logger;
  readonly timing: Timing;
  /** For the kernel's work. */
  readonly slots: Slots;
  readonly metrics: MetricsPorts;
  readonly readGuardTable: () => Promise<Table | undefined>;
}

const lockRetryMs = 250;

/**
 * Keeps one endpoint of an agent as its document says, also when that changes, until it has none any more; as the only agent
 * that does.
 */
export class ManagedEndpoint {
  /** Of all endpoints of an agent. */
  readonly role: Role;
  readonly #shared: Shared;
  readonly #onState: (told: EndpointState) => void;
  readonly #isOnly: boolean;
  #document: EndpointDocument | undefined;
  /** Of the last document. */
  #fields: Fields;
  #change = new AbortController();
  #endpoint: Endpoint | undefined;
  #told: EndpointState | undefined;
  readonly #ending = new AbortController();

  /**
   * @param isOnly it is all that the agent was given, and cannot change: what is wrong with it ends both. Else that is tried
   * again until there is another document.
   */
  constructor(
    document: EndpointDocument,
    shared: Shared,
    isOnly: boolean,
    onState: (told: EndpointState) => void,
  ) {
    this.#document = document;
    this.#fields = fieldsOf(document);
    this.role = roleOf(document.kind);
    this.#shared = shared;
    this.#isOnly = isOnly;
    this.#onState = onState;
  }

  /** What it should be, and where; undefined while another agent has it, or it cannot be. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** What it is to be; undefined: it is to go. */
  get document(): EndpointDocument | undefined {
    return this.#document;
  }

  /** The tap that it is of, also when it has to go. */
  get tap(): TapId {
    return this.#fields.tap;
  }

  /** How people call its target. */
  get pod(): string | undefined {
    return this.#fields.pod;
  }

  get told(): EndpointState | undefined {
    return this.#told;
  }

  /** Gives it another document; undefined: it has to go. What of it can stay in the kernel stays. */
  change(document: EndpointDocument | undefined): void {
    if (isDeepStrictEqual(document, this.#document)) return;
    this.#document = document;
    this.#change.abort();
  }

  /** It has to go with its agent, which does not wait for what cannot be removed. */
  end(): void {
    this.#ending.abort();
    this.change(undefined);
  }

  /**
   * Keeps it until it has to go.
   *
   * @throws {UserError} when what is wanted is not possible
   * @throws {CommandError} when it cannot be taken away
   */
  async run(): Promise<void> {
    while (this.#document !== undefined) {
      const document = this.#document;
      this.#fields = fieldsOf(document);
      const log = this.#shared.log.child(this.#fields);
      const report = new StateReport(log, (told) => {
        this.#told = told;
        this.#onState(told);
      });
      const lock = await this.#takeLock(document, report);
      if (lock === undefined) continue; // it changed
      try {
        await this.#keepTap(document, report, log);
      } finally {
        lock.release();
        removeObjects(document.tapId);
      }
    }
  }

  /** Waits for the lock; undefined when there is another document before. */
  async #takeLock({ kind, tapId }: EndpointDocument, report: StateReport): Promise<Lock | undefined> {
    const role = roleOf(kind);
    const signal = this.#nextChange();
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      if (!isFirst) await pause(lockRetryMs * (1 + Math.random()), signal); // or two that wait would meet again and again
      const lock = await takeLock(role, tapId);
      if (lock !== undefined) return lock;
      report.tell(endpointState({ awaited: `another ${role} of this tap on this node to end` }));
    }
    return undefined;
  }

  /** Keeps it as long as its documents are of one tap, then takes it away. */
  async #keepTap(first: EndpointDocument, report: StateReport, log: Logger): Promise<void> {
    const { timing, slots, readGuardTable } = this.#shared;
    const loopOf = async (document: EndpointDocument, signal: AbortSignal): Promise<EndpointLoop> => {
      const onCommand = (command: string) => log.debug({ command }, 'command');
      this.#endpoint = await slots.run(() => makeEndpoint(document, { signal, onCommand }));
      return new EndpointLoop(this.#endpoint, { log, report, timing, slots, readGuardTable, signal });
    };
    let inKernel = first;
    let loop: EndpointLoop | undefined;
    try {
      for (let failures = 0; this.#canBecomeOf(inKernel);) {
        inKernel = this.#document ?? inKernel;
        if (!this.#isOnly) log.info({ endpoint: inKernel }, 'this is what the endpoint was given');
        const signal = this.#nextChange();
        try {
          loop = await loopOf(inKernel, signal);
          await this.#runServed(loop, inKernel);
          failures = 0;
          if (!this.#canBecomeOf(inKernel)) break;
          await loop.handOver();
          loop = undefined;
        } catch (error) {
          if (this.#isOnly) throw error;
          report.tell(endpointState({ failure: messageOf(error) }));
          await pause(retryMs(timing, failures++), signal);
        }
      }
      // What is removed does not depend on the filter, which may have been impossible.
      const bare = { ...inKernel, filter: undefined };
      await this.#takeAway(loop ?? (await loopOf(bare, this.#change.signal)), report);
    } finally {
      this.#endpoint = undefined;
    }
  }

  /** Serves its metrics only now: an agent of this tap before this one may have had the port as well. */
  async #runServed(loop: EndpointLoop, { kind, tapId, metricsPort }: EndpointDocument): Promise<void> {
    const endpoint = this.#endpoint;
    const served = {
      tapId,
      role: roleOf(kind),
      place: () => endpoint?.place(),
      state: () => this.#told?.state ?? 'waiting',
    };
    if (metricsPort !== undefined) this.#shared.metrics.add(metricsPort, served);
    try {
      await loop.run();
    } finally {
      if (metricsPort !== undefined) this.#shared.metrics.remove(metricsPort, served);
    }
  }

  #canBecomeOf(inKernel: EndpointDocument): boolean {
    return this.#document !== undefined && canBecome(inKernel, this.#document);
  }

  /** What cannot be removed is tried again while the agent lives. */
  async #takeAway(loop: EndpointLoop, report: StateReport): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        await loop.leave();
        return;
      } catch (error) {
        if (this.#isOnly || this.#ending.signal.aborted) throw error;
        report.tell(endpointState({ failure: messageOf(error) }));
        await pause(retryMs(this.#shared.timing, failures), this.#ending.signal);
      }
    }
  }

  /** Aborted when the document is another one. */
  #nextChange(): AbortSignal {
    this.#change = new AbortController();
    return this.#change.signal;
  }
}

function roleOf(kind: EndpointDocument['kind']): Role {
  return kind === 'Sender' ? 'sender' : 'receiver';
}

/** What every line of the log says of an endpoint. */
interface Fields {
  readonly tap: TapId;
  readonly pod?: string;
}

function fieldsOf(document: EndpointDocument): Fields {
  const { tapId: tap } = document;
  if (document.kind === 'Receiver' || document.pod === undefined) return { tap };
  return { tap, pod: `${document.namespace}/${document.pod}` };
}

async function pause(timeoutMs: number, signal: AbortSignal): Promise<void> {
  // Rejected when the signal comes before.
  await sleep(timeoutMs, undefined, { signal }).catch(() => undefined);
}
