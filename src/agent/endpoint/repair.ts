import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#src/errors.ts';
import type { RunOptions } from '#src/exec/command.ts';
import { type Fit, fitOf, overheadBytes } from '#src/tap/path/fit.ts';
import type { Desired, Step } from '#src/tap/state.ts';
import {
  convergeOverTunnel,
  type OverTunnel,
  removeTunnel,
  throughStackNotice,
} from '#src/agent/bypass/tunnel.ts';
import { converge, type ConvergeOptions, type Outcome, remove } from './converge.ts';
import type { Endpoint } from './endpoint.ts';
import type { Context } from './loopContext.ts';
import type { LeaseKeeper } from './leaseKeeper.ts';
import { OwnAddress } from '#src/agent/path/ownAddress.ts';
import type { Held } from '#src/agent/pod/placement.ts';
import { Restraint } from './restraint.ts';
import type { Guard } from '#src/agent/path/sourceGuard.ts';
import { retryMs } from '#src/agent/timing.ts';

/** Converges an endpoint when there is a reason to look at the kernel, and not sooner than a failure allows. */
export class Repair {
  readonly #endpoint: Endpoint;
  readonly #context: Context;
  readonly #run: RunOptions;
  readonly #guard: Guard | undefined;
  readonly #lease: LeaseKeeper | undefined;
  readonly #address: OwnAddress | undefined;
  readonly #restraint: Restraint;
  #failures = 0;
  #retryAt = 0;
  #pathMtuBytes: number | undefined;
  /** When the path was read last, in periods, so that all endpoints of an agent read it at the same moments. */
  #pathPeriod: number | undefined;
  #fit: Fit | undefined;
  #lookMs = 0;
  #mustLook = false;

  constructor(
    endpoint: Endpoint,
    context: Context,
    run: RunOptions,
    { guard, lease }: { guard: Guard | undefined; lease: LeaseKeeper | undefined },
  ) {
    this.#endpoint = endpoint;
    this.#context = context;
    this.#run = run;
    this.#guard = guard;
    this.#lease = lease;
    const { desired } = endpoint;
    this.#restraint = new Restraint(desired, context.timing);
    if (desired.device.kind === 'vxlan')
      this.#address = new OwnAddress(desired, desired.device, context.timing);
  }

  /** How long the last look took. */
  get lookMs(): number {
    return this.#lookMs;
  }

  /** What becomes of copies that are too large for the underlay; undefined: there is none, or it is not known yet. */
  get fit(): Fit | undefined {
    return this.#fit;
  }

  /** Something may have changed of which the kernel sends no word. */
  lookAgain(): void {
    this.#mustLook = true;
  }

  /** The endpoint has to be elsewhere: what failed there says nothing of here. */
  beginAnew(): void {
    this.#failures = 0;
    this.#restraint.lift();
  }

  /** Something failed: it is looked at again, later each time. */
  noteFailure(): void {
    this.#retryAt = performance.now() + retryMs(this.#context.timing, this.#failures++);
  }

  /**
   * Looks at the kernel and repairs what is not as desired, if there is a reason to.
   *
   * @returns undefined: there was none
   * @throws {UserError} when something is in the way
   * @throws {CommandError}
   */
  async repair(held: Held): Promise<Outcome | undefined> {
    const changed = held.monitor.changed();
    if (this.#failures > 0 && performance.now() < this.#retryAt) return undefined;
    this.#retryAt = await this.#restraint.earliest(this.#run);
    if (performance.now() < this.#retryAt) return undefined;
    if (!this.#context.report.isReady) await this.#address?.check();
    const otherPath = await this.#readPath(held);
    const reload = [held.withoutObject, held.withoutTunnel].some(
      (without) => without !== undefined && performance.now() >= without.until,
    );
    if (this.#failures === 0 && !changed && !otherPath && !reload && !this.#mustLook) return undefined;
    this.#mustLook = false;
    held.observed = undefined;
    const wasWithout = held.withoutObject;
    if (reload) held.withoutObject = held.withoutTunnel = undefined;
    held.tunnel = undefined;
    const made = await this.#context.slots.run(() => this.#converge(held));
    const { steps, missing, withoutObject } = made;
    held.ownQdiscs = made.ownQdiscs;
    held.observed = made.observed;
    const { bypass, desired } = this.#endpoint;
    const { ifname } = held.tunnel === undefined ? desired : (bypass?.tunnel ?? desired);
    this.#lease?.follow(ifname, held.tunnel ?? made.observed, steps);
    if (withoutObject !== undefined) {
      const until = performance.now() + this.#context.timing.loadRetryMs;
      held.withoutObject = { reason: withoutObject, until };
    }
    this.#failures = 0;
    if (missing === undefined) this.#restraint.lift();
    held.wasInPlace ||= missing === undefined;
    const { log } = this.#context;
    if (steps.length > 0) log.info({ steps: steps.map(describeStep) }, 'made');
    if (withoutObject !== undefined && withoutObject !== wasWithout?.reason)
      log.warn({ cause: withoutObject }, withoutObjectNotice);
    if (wasWithout !== undefined && held.withoutObject === undefined)
      log.info('The eBPF programs could be loaded now');
    if (missing === undefined) this.#tellFit(held, made.copiedMtuBytes);
    return made;
  }

  /** An interrupted convergence leaves what it made to the removal, which has to know the qdiscs that are the tap's own. */
  async #converge(held: Held): Promise<Outcome> {
    const beganAt = performance.now();
    let { ownQdiscs } = held;
    const desired = this.#desiredIn(held);
    await this.#guard?.announce();
    const options: ConvergeOptions = {
      ...this.#run,
      ahead: held.ahead,
      otherHalf: held.place.otherHalf,
      object: this.#endpoint.objectFor?.(desired.mtuBytes),
      leaseMs: this.#context.timing.leaseMs,
      onOwnQdiscs(own) {
        ownQdiscs = own;
      },
      onDisturbance: (disturbance) => this.#restraint.noteDisturbance(disturbance),
    };
    try {
      const over = await this.#convergeOverTunnel(held, desired, options);
      if (over !== undefined && 'made' in over) {
        held.tunnel = over.tunnel;
        return { ...over.made, steps: [...over.tunnelSteps, ...over.made.steps] };
      }
      if (over !== undefined) this.#noteRefused(held, over.refused);
      if (this.#endpoint.bypass !== undefined) await removeTunnel(this.#endpoint.bypass.tunnel, this.#run);
      return await converge(held.place.netns, desired, options);
    } catch (error) {
      if (this.#context.signal.aborted) held.ownQdiscs = ownQdiscs;
      throw error;
    } finally {
      this.#lookMs = performance.now() - beganAt;
    }
  }

  /** Undefined: the mirror device is to be the VXLAN device. */
  async #convergeOverTunnel(
    { node, place, withoutObject, withoutTunnel }: Held,
    desired: Desired,
    options: ConvergeOptions,
  ): Promise<OverTunnel | undefined> {
    const { bypass } = this.#endpoint;
    const object = bypass?.objectFor?.(desired.mtuBytes);
    const isRefused = withoutObject !== undefined || withoutTunnel !== undefined;
    if (bypass === undefined || node === undefined || object === undefined || isRefused) return undefined;
    const common = { mtuBytes: desired.mtuBytes, object: object.name };
    const both = { desired: { ...desired, ...common }, tunnel: { ...bypass.tunnel, ...common } };
    return convergeOverTunnel(node, place.netns, both, { ...options, object });
  }

  #noteRefused(held: Held, reason: string): void {
    held.withoutTunnel = { reason, until: performance.now() + this.#context.timing.loadRetryMs };
    this.#context.log.warn({ cause: reason }, throughStackNotice);
  }

  #desiredIn({ ownQdiscs, withoutObject }: Held): Desired {
    const { desired } = this.#endpoint;
    const { device } = desired;
    const mtuBytes =
      this.#pathMtuBytes === undefined || device.kind !== 'vxlan'
        ? desired.mtuBytes
        : this.#pathMtuBytes - overheadBytes(device.remote);
    const object = withoutObject === undefined ? this.#endpoint.objectFor?.(mtuBytes).name : undefined;
    return { ...desired, ownQdiscs, mtuBytes, object };
  }

  /** Reads the underlay's MTU, if it is time to; whether it is another one. On a path that must not be taken there is no tap. */
  async #readPath(held: Held): Promise<boolean> {
    const { pathMtuBytes: read, desired } = this.#endpoint;
    const period = Math.floor(performance.now() / this.#context.timing.pathCheckMs);
    if (read === undefined || period === this.#pathPeriod) return false;
    const before = this.#pathMtuBytes;
    try {
      this.#pathMtuBytes = await read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { ownQdiscs } = held;
      held.ownQdiscs = new Set();
      held.observed = undefined;
      await remove(held.place.netns, { ...desired, ownQdiscs }, this.#run);
      if (this.#endpoint.bypass !== undefined) await removeTunnel(this.#endpoint.bypass.tunnel, this.#run);
      throw error;
    }
    this.#pathPeriod = period;
    return this.#pathMtuBytes !== before;
  }

  /** Logs, when it changes, what becomes of copies that are too large for the underlay. */
  #tellFit(held: Held, copiedMtuBytes: number | undefined): void {
    const { device, object } = this.#desiredIn(held);
    if (this.#pathMtuBytes === undefined || copiedMtuBytes === undefined || device.kind !== 'vxlan') return;
    const fit = fitOf(device.remote, this.#pathMtuBytes, copiedMtuBytes, object);
    if (isDeepStrictEqual(fit, this.#fit)) return;
    this.#fit = fit;
    const { says, ...sizes } = fit;
    this.#context.log.info(sizes, says);
  }
}

const withoutObjectNotice =
  'The eBPF programs could not be loaded; the tap goes on without them: copies are not made to fit the underlay, and only counted by the kernel';

export function describeStep(step: Step): string {
  return `${step.do} ${step.link}`;
}
