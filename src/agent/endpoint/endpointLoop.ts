import { messageOf } from '#src/errors.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { isInNetDev } from '#src/tap/proc/netDev.ts';
import { Alarm } from '#src/agent/alarm.ts';
import { GateKeeper } from '#src/agent/bypass/gateKeeper.ts';
import { nodeNetDev, throughStackNotice } from '#src/agent/bypass/tunnel.ts';
import type { Endpoint } from './endpoint.ts';
import { endpointState, type Facts } from './endpointState.ts';
import type { Context } from './loopContext.ts';
import { LeaseKeeper } from './leaseKeeper.ts';
import type { Place } from '#src/agent/pod/place.ts';
import { PeerWatch } from '#src/agent/path/peerWatch.ts';
import { type Held, Placement } from '#src/agent/pod/placement.ts';
import { describeStep, Repair } from './repair.ts';
import { Guard } from '#src/agent/path/sourceGuard.ts';
import { untilNextLookMs } from '#src/agent/timing.ts';

/** Changes come in bursts; this lets one look answer for all of them. */
const settleMs = 50;
/** Where a look takes long, for there are many interfaces or little CPU, the next one waits for so many times as long. */
const restFactor = 9;

/**
 * Makes an endpoint exist and keeps it existing, through whatever happens to it, until the signal comes. Then it is to be
 * taken away or handed over.
 */
export class EndpointLoop {
  readonly #endpoint: Endpoint;
  readonly #context: Context;
  readonly #alarm: Alarm;
  /** Of all that the signal interrupts. */
  readonly #run: RunOptions;
  readonly #guard: Guard | undefined;
  readonly #lease: LeaseKeeper | undefined;
  readonly #gate: GateKeeper | undefined;
  readonly #placement: Placement;
  readonly #repair: Repair;
  readonly #peerWatch: PeerWatch;
  #facts: Facts;
  #carrier = false;
  /** What still looks, though the signal came. */
  #looking: Promise<void> = Promise.resolve();

  constructor(endpoint: Endpoint, context: Context) {
    this.#endpoint = endpoint;
    this.#context = context;
    this.#alarm = new Alarm(context.signal);
    this.#facts = { hasForeignPeer: !endpoint.peerSaysHello };
    const logging = { onCommand: (command: string) => context.log.debug({ command }, 'command') };
    this.#run = { ...logging, signal: context.signal };
    const { device, id, role } = endpoint.desired;
    if (role === 'sender') this.#lease = new LeaseKeeper(id, context.timing, context.log);
    if (device.kind === 'vxlan')
      this.#guard = new Guard(endpoint.desired, device, context.log, logging, context.readGuardTable);
    const { bypass } = endpoint;
    if (bypass?.objectFor !== undefined && device.kind === 'vxlan')
      this.#gate = new GateKeeper(bypass, device, context.timing, context.log);
    this.#placement = new Placement(endpoint, context, logging, {
      onChange: () => this.#alarm.ring(),
      onAheadGone: () => this.#lookAgain(),
      whenIdle: () => this.#looking,
    });
    const kept = { guard: this.#guard, lease: this.#lease };
    this.#repair = new Repair(endpoint, context, this.#run, kept);
    this.#peerWatch = new PeerWatch(endpoint, context, this.#guard);
  }

  /** Keeps the endpoint until the signal comes. */
  async run(): Promise<void> {
    const { signal, timing, report, log } = this.#context;
    const { bypass } = this.#endpoint;
    if (bypass?.reason !== undefined) log.warn({ cause: bypass.reason }, throughStackNotice);
    while (!signal.aborted) {
      await this.#check();
      if (!signal.aborted) report.tell(endpointState(this.#facts));
      const hasRung = await this.#alarm.wait(untilNextLookMs(timing.checkMs, performance.now()));
      if (hasRung) await this.#alarm.pause(this.#restMs());
    }
  }

  /**
   * Takes the endpoint away.
   *
   * @throws {CommandError} when something stays; it may be tried again
   */
  async leave(): Promise<void> {
    this.#peerWatch.close();
    const { slots, report } = this.#context;
    try {
      const steps = await slots.run(() => this.#placement.remove());
      this.#facts = { removed: steps.map(describeStep).join(', ') || 'nothing was left of it' };
    } finally {
      await this.#guard?.remove();
    }
    report.tell(endpointState(this.#facts));
  }

  /** Lets the endpoint be as it is in the kernel, for another loop that goes on with it. */
  async handOver(): Promise<void> {
    this.#peerWatch.close();
    await this.#placement.letGo();
  }

  async #check(): Promise<void> {
    try {
      await this.#follow();
      await this.#look(async () => this.#lease?.renew(this.#run));
      await this.#repairIfNeeded();
      await this.#look(() => this.#followPeer());
    } catch (error) {
      if (this.#context.signal.aborted) return; // what was under way was interrupted
      this.#repair.noteFailure();
      this.#learn({ failure: messageOf(error), inPlace: undefined });
      if (!(error instanceof CommandError)) this.#context.log.debug({ err: error }, 'cause');
    }
  }

  async #follow(): Promise<void> {
    if (await this.#placement.follow()) {
      this.#repair.beginAnew();
      this.#learn({ inPlace: undefined });
    }
    if (this.#placement.held === undefined)
      this.#learn({ failure: undefined, awaited: this.#endpoint.awaited() });
  }

  async #repairIfNeeded(): Promise<void> {
    const { held } = this.#placement;
    const made = held && (await this.#repair.repair(held));
    if (made === undefined) return;
    const { missing, carrier } = made;
    this.#carrier = carrier;
    const inPlace = missing === undefined ? this.#endpoint.desired.ifname : undefined;
    this.#learn({ failure: undefined, awaited: missing, inPlace });
  }

  async #followPeer(): Promise<void> {
    const { held } = this.#placement;
    if (held === undefined || this.#facts.inPlace === undefined) {
      await this.#clearGuard(held);
      return;
    }
    await this.#guard?.keep(this.#context.timing.guardCheckMs);
    const { place, observed, node, tunnel } = held;
    const { bypass } = this.#endpoint;
    const at =
      node === undefined || bypass === undefined || tunnel === undefined
        ? undefined
        : { netns: node, netDev: nodeNetDev(), ifname: bypass.tunnel.ifname };
    const before = this.#facts.unseen;
    const watched = await this.#peerWatch.check({
      place,
      observed,
      fit: this.#repair.fit,
      carrier: this.#carrier,
      tunnel: at,
    });
    if (at !== undefined && tunnel !== undefined)
      await this.#gate?.check(
        {
          tunnel,
          netDev: at.netDev,
          isPeerThere: watched.peerAbsence === undefined,
          doCopiesArrive: watched.pathTrouble === undefined,
        },
        this.#run,
      );
    if (this.#context.signal.aborted) return;
    const nothing = { peerAbsence: undefined, pathTrouble: undefined, unseen: undefined, idle: undefined };
    this.#learn({ ...nothing, ...watched });
    if (watched.unseen !== undefined && watched.unseen !== before) this.#lookAgain();
    if (this.#hasLostName(place)) this.#lookAgain();
  }

  /** The kernel reports a rename by the new name, which says nothing to a receiver; see {@link Placement}. */
  #hasLostName(place: Place): boolean {
    const { role, ifname, joinedInto } = this.#endpoint.desired;
    if (role === 'sender') return false;
    const netDev = place.netDev();
    return [ifname, joinedInto].some((name) => name !== undefined && !isInNetDev(netDev, name));
  }

  /** Without the device the VNI may be another tap's meanwhile. */
  async #clearGuard(held: Held | undefined): Promise<void> {
    const { ifname } = this.#endpoint.desired;
    const isStillThere = held?.wasInPlace === true && isInNetDev(held.place.netDev(), ifname);
    if (!isStillThere) await this.#guard?.clear();
  }

  #learn(facts: Facts): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  #lookAgain(): void {
    this.#repair.lookAgain();
    this.#alarm.ring();
  }

  /** How long the next look has to wait, so that looks take a small part of the time only. */
  #restMs(): number {
    return Math.min(this.#context.timing.checkMs, Math.max(settleMs, restFactor * this.#repair.lookMs));
  }

  /** Waits for what only looks, unless the signal comes before. */
  async #look(look: () => Promise<void>): Promise<void> {
    const looking = look();
    this.#looking = looking.catch(() => undefined);
    await unlessEnded(looking, this.#context.signal);
  }
}

/** Called several times a second: without a signal of its own, which costs more than what is waited for. */
function unlessEnded(looking: Promise<void>, end: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onEnd = (): void => resolve();
  if (end.aborted) resolve();
  else end.addEventListener('abort', onEnd, { once: true });
  looking.then(resolve, reject).finally(() => end.removeEventListener('abort', onEnd));
  return promise;
}
