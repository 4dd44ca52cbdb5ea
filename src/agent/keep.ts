import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { type Monitor, startMonitor } from '#src/net/monitor.ts';
import type { Netns } from '#src/net/netns.ts';
import type { Step, Wanted } from '#src/tap/state.ts';
import { Alarm } from './alarm.ts';
import { converge, remove } from './converge.ts';
import { Peer } from './peer.ts';
import type { Report } from './report.ts';

/** The network namespace that an end of the tap is in. */
export interface Place {
  readonly netns: Netns;
  /** Content of its /proc/net/dev. */
  netDev(): string;
}

/** One end of a tap: what it should be, and where. */
export interface End {
  readonly wanted: Wanted;
  /** The other end says hello. Not so when it is outside the cluster, or the other half of a veth pair. */
  readonly peerSaysHello: boolean;
  /** Where the end has to be now; the same object as long as that is the same namespace. Called every second. */
  place(): Place | undefined;
  /** What {@link place} waits for when there is none. */
  readonly awaited: string;
}

export interface Context {
  readonly log: Logger;
  readonly report: Report;
  /** Ends the tap. */
  readonly signal: AbortSignal;
}

const checkMs = 1000;
/** Changes come in bursts; this lets one look answer for all of them. */
const settleMs = 50;
const longestRetryMs = 30_000;

/**
 * Makes the end exist, keeps it existing through whatever happens to it, and takes it away when the signal comes.
 *
 * @throws {CommandError} when the end cannot be taken away
 */
export async function keep(end: End, context: Context): Promise<void> {
  const alarm = new Alarm(context.signal);
  const keeper = new Keeper(end, context, () => alarm.ring());
  while (!context.signal.aborted) {
    await keeper.check();
    await alarm.wait(checkMs);
    if (!context.signal.aborted) await alarm.pause(settleMs);
  }
  await keeper.leave();
}

/** The namespace that the end is in at present. */
interface Held {
  readonly place: Place;
  readonly monitor: Monitor;
  ownsQdisc: boolean;
}

class Keeper {
  readonly #end: End;
  readonly #context: Context;
  readonly #onChange: () => void;
  readonly #run: RunOptions;
  readonly #peer: Peer | undefined;
  #held: Held | undefined;
  #inPlace = false;
  #carrier = false;
  #failures = 0;
  #retryAt = 0;

  constructor(end: End, context: Context, onChange: () => void) {
    this.#end = end;
    this.#context = context;
    this.#onChange = onChange;
    this.#run = { onCommand: (command) => context.log.debug({ command }, 'command') };
    const { device } = end.wanted;
    this.#peer = device.kind === 'vxlan' && end.peerSaysHello ? new Peer(device) : undefined;
  }

  async check(): Promise<void> {
    try {
      await this.#follow();
      await this.#repair();
      this.#tellPeer();
    } catch (error) {
      this.#inPlace = false;
      this.#retryAt = performance.now() + Math.min(longestRetryMs, checkMs * 2 ** this.#failures++);
      this.#context.report.tell('failing', messageOf(error));
      if (!(error instanceof CommandError)) this.#context.log.debug({ err: error }, 'cause');
    }
  }

  /** Also what an agent before this one left is taken away, if the signal comes before the first look. */
  async leave(): Promise<void> {
    this.#peer?.close();
    const held = this.#held ?? this.#hold(this.#end.place());
    this.#held = undefined;
    const steps = held === undefined ? [] : await this.#removeFrom(held);
    this.#context.report.tell('stopped', `the tap is taken away: ${describe(steps)}`);
  }

  /** Goes where the end has to be now. What was made elsewhere is removed, so that its VNI is free at once. */
  async #follow(): Promise<void> {
    const place = this.#end.place();
    if (this.#held !== undefined && this.#held.place !== place) {
      const old = this.#held;
      this.#held = undefined;
      this.#inPlace = false;
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
      this.#context.report.tell('waiting', `waiting for ${this.#end.awaited}`);
    } else {
      this.#held ??= this.#hold(place);
    }
  }

  #hold(place: Place | undefined): Held | undefined {
    return place && { place, monitor: startMonitor(place.netns, this.#onChange), ownsQdisc: false };
  }

  async #repair(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    const changed = held.monitor.changed();
    if (this.#failures > 0 ? performance.now() < this.#retryAt : !changed) return;
    const wanted = { ...this.#end.wanted, ownsQdisc: held.ownsQdisc };
    const { steps, ownsQdisc, carrier, missing } = await converge(held.place.netns, wanted, this.#run);
    held.ownsQdisc = ownsQdisc;
    this.#failures = 0;
    this.#inPlace = missing === undefined;
    this.#carrier = carrier;
    if (steps.length > 0) this.#context.log.info({ steps: steps.map(describeStep) }, 'made');
    if (missing !== undefined) this.#context.report.tell('waiting', `waiting for ${missing}`);
  }

  /** Says hello while this end is in place, and tells whether the other end is there too. */
  #tellPeer(): void {
    if (!this.#inPlace || this.#held === undefined) return;
    const { ifname, device } = this.#end.wanted;
    this.#peer?.sayHello();
    const there =
      this.#peer === undefined
        ? device.kind === 'vxlan' || this.#carrier
        : this.#peer.isThere(this.#held.place.netDev(), ifname);
    const ends = this.#end.peerSaysHello ? 'at both ends' : "here; the other end is not kokotap's";
    if (there) this.#context.report.tell('ready', `${ifname} is in place ${ends}`);
    else this.#context.report.tell('alone', alone(this.#end.wanted, this.#peer?.trouble));
  }

  async #removeFrom({ place, monitor, ownsQdisc }: Held): Promise<readonly Step[]> {
    await monitor.stop();
    try {
      return await remove(place.netns, { ...this.#end.wanted, ownsQdisc }, this.#run);
    } finally {
      place.netns.close();
    }
  }
}

function alone({ device, ifname, role }: Wanted, trouble: string | undefined): string {
  const other = role === 'sender' ? 'receiver' : 'sender';
  if (device.kind === 'veth') return `${ifname} is in place here, but the ${other}'s half of it is not up`;
  const answer = trouble === undefined ? '' : ` (${trouble})`;
  return `${ifname} is in place here, but nothing of the ${other} comes from ${device.remote} by UDP port ${device.port}${answer}: it is not in place, or a firewall drops it`;
}

function describe(steps: readonly Step[]): string {
  return steps.map(describeStep).join(', ') || 'nothing was left of it';
}

function describeStep(step: Step): string {
  return `${step.do} ${step.link}`;
}
