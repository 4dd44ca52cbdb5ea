import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf, UserError } from '#src/errors.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import type { Table } from '#src/net/nftables.ts';
import { type Monitor, startMonitor } from '#src/net/monitor.ts';
import { type Fit, fitOf, overheadBytes } from '#src/tap/path/fit.ts';
import { isInNetDev } from '#src/tap/proc/netDev.ts';
import { reasonAlone } from '#src/tap/path/peerSilence.ts';
import type { Observed, Step, Vxlan, Desired } from '#src/tap/state.ts';
import { Ahead } from './ahead.ts';
import { Alarm } from './alarm.ts';
import { converge, type Outcome, remove } from './converge.ts';
import { followDelivery } from './delivery.ts';
import type { Endpoint, Place } from './endpoint.ts';
import { Guard } from './sourceGuard.ts';
import { IdleWatch } from './idleWatch.ts';
import { LeaseKeeper } from './keptLease.ts';
import { OwnAddress } from './ownAddress.ts';
import { Peer } from './peer.ts';
import type { StateReport } from './stateReport.ts';
import { Restraint } from './restraint.ts';
import { sendReports } from './sendReports.ts';
import { Sight } from './sight.ts';
import type { Slots } from './slots.ts';
import { retryMs, type Timing } from './timing.ts';
import type { PathWatch } from './pathWatch.ts';

export interface Context {
  readonly log: Logger;
  readonly report: StateReport;
  readonly timing: Timing;
  readonly slots: Slots;
  /** Shared by the endpoints of an agent. */
  readonly readGuardTable: () => Promise<Table | undefined>;
  /** Ends the loop. */
  readonly signal: AbortSignal;
}

/** Changes come in bursts; this lets one look answer for all of them. */
const settleMs = 50;
/** Where a look takes long, for there are many interfaces or little CPU, the next one waits for so many times as long. */
const restFactor = 9;

/** The namespace that the end is in at present. */
interface Held {
  readonly place: Place;
  readonly monitor: Monitor;
  readonly ahead: Ahead;
  ownQdiscs: ReadonlySet<string>;
  /** What the last look found, if everything was in place. */
  observed: Observed | undefined;
  /** The eBPF programs could not be loaded: why, and when it is tried again. */
  withoutObject: { readonly reason: string; readonly until: number } | undefined;
  /** The end has been in place there. */
  wasInPlace: boolean;
}

/**
 * Makes an endpoint exist and keeps it existing, through whatever happens to it, until the signal comes. Then it is to be
 * taken away or handed over.
 */
export class EndpointLoop {
  readonly #endpoint: Endpoint;
  readonly #context: Context;
  readonly #alarm: Alarm;
  /** What still looks, though the signal came. */
  #looking: Promise<void> = Promise.resolve();
  readonly #logging: RunOptions;
  /** Of all that the end of the tap interrupts. */
  readonly #run: RunOptions;
  readonly #peer: Peer | undefined;
  readonly #guard: Guard | undefined;
  readonly #address: OwnAddress | undefined;
  readonly #watch: PathWatch | undefined;
  readonly #lease: LeaseKeeper | undefined;
  readonly #sight: Sight | undefined;
  readonly #idle: IdleWatch | undefined;
  #held: Held | undefined;
  #inPlace = false;
  #carrier = false;
  readonly #restraint: Restraint;
  #failures = 0;
  #retryAt = 0;
  #pathMtuBytes: number | undefined;
  #pathCheckAt = 0;
  #fit: Fit | undefined;
  #lookMs = 0;
  /** Something may have changed of which the kernel sends no word. */
  #mustLook = false;
  #unseen: string | undefined;

  constructor(endpoint: Endpoint, context: Context) {
    this.#endpoint = endpoint;
    this.#context = context;
    this.#alarm = new Alarm(context.signal);
    this.#logging = { onCommand: (command) => context.log.debug({ command }, 'command') };
    this.#run = { ...this.#logging, signal: context.signal };
    const { device, id, role } = endpoint.desired;
    const { timing, log } = context;
    this.#restraint = new Restraint(endpoint.desired, timing);
    if (role === 'sender') {
      this.#lease = new LeaseKeeper(id, timing, log);
      this.#sight = new Sight(endpoint.desired, timing);
      this.#idle = new IdleWatch(endpoint.desired, timing);
    }
    if (device.kind !== 'vxlan') return;
    this.#address = new OwnAddress(endpoint.desired, device, timing);
    this.#guard = new Guard(endpoint.desired, device, context.log, this.#logging, context.readGuardTable);
    if (!endpoint.peerSaysHello) return;
    this.#peer = new Peer(device, context.timing);
    this.#watch = watchOf(endpoint.desired, device, this.#guard, context);
  }

  /** Keeps the endpoint until the signal comes. */
  async run(): Promise<void> {
    const { signal, timing } = this.#context;
    while (!signal.aborted) {
      await this.#check();
      await this.#alarm.wait(timing.checkMs);
      await this.#alarm.pause(this.#restMs());
    }
  }

  async #check(): Promise<void> {
    try {
      await this.#follow();
      await this.#look(async () => this.#lease?.renew(this.#run));
      await this.#repair();
      await this.#look(() => this.#followPeer());
    } catch (error) {
      if (this.#context.signal.aborted) return; // what was under way was interrupted
      this.#inPlace = false;
      this.#retryAt = performance.now() + retryMs(this.#context.timing, this.#failures++);
      this.#context.report.tell('failing', messageOf(error));
      if (!(error instanceof CommandError)) this.#context.log.debug({ err: error }, 'cause');
    }
  }

  /** How long the next look has to wait, so that looks take a small part of the time only. */
  #restMs(): number {
    return Math.min(this.#context.timing.checkMs, Math.max(settleMs, restFactor * this.#lookMs));
  }

  /**
   * Takes the endpoint away. Also what an agent before this one left is taken away, if the signal comes before the first
   * look.
   *
   * @throws {CommandError} when something stays; it may be tried again
   */
  async leave(): Promise<void> {
    this.#peer?.close();
    const held = this.#held ?? this.#hold(this.#endpoint.place());
    this.#held = undefined;
    let steps: readonly Step[] = [];
    try {
      steps = held === undefined ? [] : await this.#context.slots.run(() => this.#removeFrom(held));
    } finally {
      await this.#guard?.remove();
    }
    this.#context.report.tell('stopped', `the tap is taken away: ${describe(steps)}`);
  }

  /** Lets the endpoint be as it is in the kernel, for another loop that goes on with it. */
  async handOver(): Promise<void> {
    this.#peer?.close();
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) await this.#letGo(held);
  }

  /** Goes where the endpoint has to be now. What was made elsewhere is removed, so that its VNI is free at once. */
  async #follow(): Promise<void> {
    const place = this.#endpoint.place();
    if (this.#held !== undefined && this.#held.place !== place) {
      const old = this.#held;
      this.#held = undefined;
      this.#inPlace = false;
      this.#failures = 0;
      this.#restraint.lift();
      try {
        await this.#removeFrom(old);
      } catch (error) {
        this.#context.log.warn(
          { err: error },
          'the old network namespace could not be cleaned; it is let go',
        );
      }
    }
    if (place === undefined) {
      this.#context.report.tell('waiting', `waiting for ${this.#endpoint.awaited()}`);
    } else {
      this.#held ??= this.#hold(place);
    }
  }

  #lookAgain(): void {
    this.#mustLook = true;
    this.#alarm.ring();
  }

  #hold(place: Place | undefined): Held | undefined {
    return (
      place && {
        place,
        monitor: startMonitor(place.netns, () => this.#alarm.ring()),
        ahead: new Ahead(place.netns, this.#context.log, this.#context.timing, () => this.#lookAgain()),
        ownQdiscs: new Set(),
        observed: undefined,
        withoutObject: undefined,
        wasInPlace: false,
      }
    );
  }

  async #repair(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    const changed = held.monitor.changed();
    if (this.#failures > 0 && performance.now() < this.#retryAt) return;
    this.#retryAt = await this.#restraint.earliest(this.#run);
    if (performance.now() < this.#retryAt) return;
    if (!this.#context.report.isReady) await this.#address?.check(this.#run);
    const otherPath = await this.#readPath(held);
    const reload = held.withoutObject !== undefined && performance.now() >= held.withoutObject.until;
    if (this.#failures === 0 && !changed && !otherPath && !reload && !this.#mustLook) return;
    this.#mustLook = false;
    const beganAt = performance.now();
    held.observed = undefined;
    const wasWithout = held.withoutObject;
    if (reload) held.withoutObject = undefined;
    const made = await this.#context.slots.run(() => this.#converge(held));
    this.#lookMs = performance.now() - beganAt;
    const { steps, missing } = made;
    held.ownQdiscs = made.ownQdiscs;
    held.observed = made.observed;
    this.#lease?.follow(this.#endpoint.desired.ifname, made.observed, steps);
    if (made.withoutObject !== undefined)
      held.withoutObject = {
        reason: made.withoutObject,
        until: performance.now() + this.#context.timing.loadRetryMs,
      };
    this.#failures = 0;
    if (missing === undefined) this.#restraint.lift();
    this.#inPlace = missing === undefined;
    held.wasInPlace ||= this.#inPlace;
    this.#carrier = made.carrier;
    if (steps.length > 0) this.#context.log.info({ steps: steps.map(describeStep) }, 'made');
    if (made.withoutObject !== undefined && made.withoutObject !== wasWithout?.reason)
      this.#context.log.warn({ cause: made.withoutObject }, withoutObjectNotice);
    if (reload && held.withoutObject === undefined)
      this.#context.log.info('The eBPF programs could be loaded now');
    if (missing === undefined) this.#tellFit(held, made.copiedMtuBytes);
    else this.#context.report.tell('waiting', `waiting for ${missing}`);
  }

  /** An interrupted convergence leaves what it made to the removal, which has to know the qdiscs that are the tap's own. */
  async #converge(held: Held): Promise<Outcome> {
    let { ownQdiscs } = held;
    await this.#guard?.announce();
    try {
      return await converge(held.place.netns, this.#wantedIn(held), {
        ...this.#run,
        ahead: held.ahead,
        object: this.#endpoint.object,
        leaseMs: this.#context.timing.leaseMs,
        onOwnQdiscs(own) {
          ownQdiscs = own;
        },
        onDisturbance: (disturbance) => this.#restraint.noteDisturbance(disturbance),
      });
    } catch (error) {
      if (this.#context.signal.aborted) held.ownQdiscs = ownQdiscs;
      throw error;
    }
  }

  #wantedIn(held: Held): Desired {
    const { desired } = this.#endpoint;
    const { ownQdiscs, withoutObject } = held;
    const { device } = desired;
    const mtuBytes =
      this.#pathMtuBytes === undefined || device.kind === 'veth'
        ? desired.mtuBytes
        : this.#pathMtuBytes - overheadBytes(device.remote);
    return { ...desired, ownQdiscs, mtuBytes, ...(withoutObject === undefined ? {} : { object: undefined }) };
  }

  /** Reads the underlay's MTU, if it is time to; whether it is another one. By a way that must not be taken no tap is. */
  async #readPath(held: Held): Promise<boolean> {
    const { pathMtuBytes: read, desired } = this.#endpoint;
    if (read === undefined || performance.now() < this.#pathCheckAt) return false;
    const before = this.#pathMtuBytes;
    try {
      this.#pathMtuBytes = await read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { ownQdiscs } = held;
      held.ownQdiscs = new Set();
      held.observed = undefined;
      await remove(held.place.netns, { ...desired, ownQdiscs }, this.#run);
      throw error;
    }
    this.#pathCheckAt = performance.now() + this.#context.timing.pathCheckMs;
    return this.#pathMtuBytes !== before;
  }

  /** Tells, when it changes, what becomes of copies that are too large for the underlay. */
  #tellFit(held: Held, copiedMtuBytes: number | undefined): void {
    const { device, object } = this.#wantedIn(held);
    if (this.#pathMtuBytes === undefined || copiedMtuBytes === undefined || device.kind === 'veth') return;
    const fit = fitOf(device.remote, this.#pathMtuBytes, copiedMtuBytes, object);
    if (isDeepStrictEqual(fit, this.#fit)) return;
    this.#fit = fit;
    const { says, ...sizes } = fit;
    this.#context.log.info(sizes, says);
  }

  /** Says hello while this end is in place, and tells whether the other end is there too. */
  async #followPeer(): Promise<void> {
    const { ifname } = this.#endpoint.desired;
    if (!this.#inPlace || this.#held === undefined) {
      const isStillThere = this.#held?.wasInPlace === true && isInNetDev(this.#held.place.netDev(), ifname);
      // Without the device the VNI may be another tap's meanwhile.
      if (!isStillThere) await this.#guard?.clear();
      return;
    }
    await this.#guard?.keep(this.#context.timing.guardCheckMs);
    this.#peer?.sayHello();
    const { place, observed } = this.#held;
    const netDev = place.netDev();
    if (!this.#isPeerThere(netDev)) {
      this.#context.report.tell('alone', reasonAlone(this.#endpoint.desired, this.#peer?.silence));
      return;
    }
    const way = { netns: place.netns, netDev, ifname, fit: this.#fit };
    const trouble = this.#peer && (await this.#watch?.({ ...way, peer: this.#peer }));
    const unseen = observed && (await this.#sight?.check(place, observed));
    if (this.#context.signal.aborted) return;
    if (unseen !== undefined && unseen !== this.#unseen) this.#lookAgain();
    this.#unseen = unseen;
    const ends = this.#endpoint.peerSaysHello ? 'at both ends' : "here; the other end is not kokotap's";
    const inPlace = `${ifname} is in place ${ends}`;
    if (trouble !== undefined) this.#context.report.tell('alone', `${inPlace}, but ${trouble}`);
    else if (unseen !== undefined) this.#context.report.tell('blind', `${inPlace}, but ${unseen}`);
    else this.#context.report.tell('ready', inPlace, observed && this.#idle?.check(netDev, observed));
  }

  #isPeerThere(netDev: string): boolean {
    const { ifname, device } = this.#endpoint.desired;
    if (this.#peer === undefined) return device.kind === 'vxlan' || this.#carrier;
    return this.#peer.isThere(netDev, ifname);
  }

  async #removeFrom(held: Held): Promise<readonly Step[]> {
    const { place, monitor, ahead, ownQdiscs, observed } = held;
    const isKnown = !monitor.hasChanged();
    try {
      await ahead.release();
      const desired = { ...this.#endpoint.desired, ownQdiscs };
      return await remove(place.netns, desired, this.#logging, isKnown ? observed : undefined);
    } finally {
      await this.#letGo(held);
    }
  }

  async #letGo({ place, monitor, ahead }: Held): Promise<void> {
    await ahead.release();
    await monitor.stop();
    // Not before what looks there has ended: the descriptor's number may be another namespace's then.
    void this.#looking.finally(() => place.netns.close());
  }

  /** Waits for what only looks, unless the signal comes before. */
  async #look(look: () => Promise<void>): Promise<void> {
    const looking = look();
    this.#looking = looking.catch(() => undefined);
    await unlessEnded(looking, this.#context.signal);
  }
}

async function unlessEnded(looking: Promise<void>, end: AbortSignal): Promise<void> {
  const done = new AbortController();
  const ended = once(end, 'abort', { signal: done.signal }).catch(() => undefined);
  try {
    await Promise.race([looking, ended]);
  } finally {
    done.abort();
  }
}

const withoutObjectNotice =
  'The eBPF programs could not be loaded; the tap goes on without them: copies are not made to fit the underlay, and only counted by the kernel';

function watchOf({ role }: Desired, device: Vxlan, guard: Guard, { log, timing }: Context): PathWatch {
  return role === 'sender' ? followDelivery(device, log, timing) : sendReports(device, guard, log, timing);
}

function describe(steps: readonly Step[]): string {
  return steps.map(describeStep).join(', ') || 'nothing was left of it';
}

function describeStep(step: Step): string {
  return `${step.do} ${step.link}`;
}
