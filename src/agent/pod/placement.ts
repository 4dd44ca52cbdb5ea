import type { RunOptions } from '#src/exec/command.ts';
import { type Monitor, monitorOfBoth, startMonitor } from '#src/net/monitor.ts';
import { Netns } from '#src/net/netns.ts';
import type { Observed, Step } from '#src/tap/state.ts';
import { HookOrder } from '#src/agent/endpoint/hookOrder.ts';
import { removeTunnel } from '#src/agent/bypass/tunnel.ts';
import { remove } from '#src/agent/endpoint/converge.ts';
import type { Endpoint } from '#src/agent/endpoint/endpoint.ts';
import type { Context } from '#src/agent/endpoint/loopContext.ts';
import { closePlace, type Place } from './place.ts';

/** The network namespace that an endpoint is in at present, and what is known of it. */
export interface Held {
  readonly place: Place;
  readonly monitor: Monitor;
  readonly ahead: HookOrder;
  ownQdiscs: ReadonlySet<string>;
  /** What the last look found, if everything was in place. */
  observed: Observed | undefined;
  /** The eBPF programs could not be loaded: why, and when it is tried again. */
  withoutObject: { readonly reason: string; readonly until: number } | undefined;
  /** The node's, where copies may go through a device there. */
  readonly node: Netns | undefined;
  /** What is in the node, while copies go through a device there. */
  tunnel: Observed | undefined;
  /** Copies cannot go through a device in the node: why, and when it is tried again. */
  withoutTunnel: { readonly reason: string; readonly until: number } | undefined;
  /** The endpoint has been in place there. */
  wasInPlace: boolean;
}

/** Holds the network namespace that an endpoint has to be in, and lets go of one that it has left. */
export class Placement {
  readonly #endpoint: Endpoint;
  readonly #context: Context;
  readonly #run: RunOptions;
  readonly #onChange: () => void;
  readonly #onAheadGone: () => void;
  readonly #whenIdle: () => Promise<void>;
  #held: Held | undefined;

  /**
   * @param onChange called when the kernel reports a change
   * @param onAheadGone called when what held the tap before others' programs has gone
   * @param whenIdle fulfilled when nothing of the endpoint looks into the namespace any more
   */
  constructor(
    endpoint: Endpoint,
    context: Context,
    run: RunOptions,
    {
      onChange,
      onAheadGone,
      whenIdle,
    }: Record<'onChange' | 'onAheadGone', () => void> & {
      whenIdle: () => Promise<void>;
    },
  ) {
    this.#endpoint = endpoint;
    this.#context = context;
    this.#run = run;
    this.#onChange = onChange;
    this.#onAheadGone = onAheadGone;
    this.#whenIdle = whenIdle;
  }

  get held(): Held | undefined {
    return this.#held;
  }

  /**
   * Goes where the endpoint has to be now. What was made elsewhere is removed, so that its VNI is free at once.
   *
   * @returns whether it left another place
   */
  async follow(): Promise<boolean> {
    const place = this.#endpoint.place();
    const old = this.#held;
    const hasLeft = old !== undefined && old.place !== place;
    if (hasLeft) {
      this.#held = undefined;
      try {
        await this.#removeFrom(old);
      } catch (error) {
        const notice = 'the old network namespace could not be cleaned; it is let go';
        this.#context.log.warn({ err: error }, notice);
      } finally {
        await this.#letGo(old);
      }
    }
    if (place !== undefined && this.#held === undefined) {
      this.#held = this.#hold(place);
      await this.#held.monitor.begun();
    }
    return hasLeft;
  }

  /**
   * Removes what is the endpoint's own, also what an agent before this one left there, and lets go.
   *
   * @throws {CommandError} when something stays; it may be tried again
   */
  async remove(): Promise<readonly Step[]> {
    const place = this.#held?.place ?? this.#endpoint.place();
    if (place === undefined) return this.#removeTunnel();
    this.#held ??= this.#hold(place);
    const steps = await this.#removeFrom(this.#held);
    await this.letGo();
    return steps;
  }

  /** Lets all be as it is. */
  async letGo(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) await this.#letGo(held);
  }

  #hold(place: Place): Held {
    const { log, timing } = this.#context;
    const node = this.#endpoint.bypass?.objectFor && new Netns('/proc/self/ns/net');
    const monitor = startMonitor(place.netns, this.#onChange, this.#concerns);
    return {
      place,
      node,
      tunnel: undefined,
      withoutTunnel: undefined,
      monitor: node === undefined ? monitor : monitorOfBoth(monitor, this.#watchNode(node)),
      ahead: new HookOrder(place.netns, log, timing, this.#onAheadGone),
      ownQdiscs: new Set(),
      observed: undefined,
      withoutObject: undefined,
      wasInPlace: false,
    };
  }

  /** Of a hundred receivers on a node each would look when the interface of another one changes. */
  readonly #concerns = (ifname: string): boolean => {
    const { role, ifname: own, joinedInto } = this.#endpoint.desired;
    return role === 'sender' || ifname === own || ifname === joinedInto;
  };

  /** Of a node's many devices one is the endpoint's. */
  #watchNode(node: Netns): Monitor {
    const own = this.#endpoint.bypass?.tunnel.ifname;
    return startMonitor(node, this.#onChange, (ifname) => ifname === own);
  }

  async #removeFrom({ place, monitor, ahead, ownQdiscs, observed, tunnel }: Held): Promise<readonly Step[]> {
    const isKnown = !monitor.hasChanged();
    await ahead.release();
    const desired = { ...this.#endpoint.desired, ownQdiscs };
    try {
      return await remove(place.netns, desired, this.#run, isKnown ? observed : undefined);
    } finally {
      await this.#removeTunnel(isKnown ? tunnel : undefined);
    }
  }

  async #removeTunnel(known?: Observed): Promise<readonly Step[]> {
    const { bypass } = this.#endpoint;
    return bypass === undefined ? [] : removeTunnel(bypass.tunnel, this.#run, known);
  }

  async #letGo({ place, node, monitor, ahead }: Held): Promise<void> {
    await ahead.release();
    await monitor.stop();
    // Not before what looks there has ended: the descriptor's number may be another namespace's then.
    void this.#whenIdle().finally(() => {
      closePlace(place);
      node?.close();
    });
  }
}
