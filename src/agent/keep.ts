import { isIP } from 'node:net';
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
  /** The largest packet in bytes that the underlay takes; not asked of an end that sends nothing over one. */
  readonly pathMtuBytes?: () => Promise<number>;
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
/** How often the underlay's MTU is read again; the kernel does not tell what it learns of a path. */
const pathCheckMs = 10_000;

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
  /** The program that makes copies fit could not be loaded; it is not tried again. */
  unfitted: boolean;
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
  #pathMtuBytes: number | undefined;
  #pathCheckAt = 0;
  #toldFit = '';

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
    return (
      place && {
        place,
        monitor: startMonitor(place.netns, this.#onChange),
        ownsQdisc: false,
        unfitted: false,
      }
    );
  }

  async #repair(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    const changed = held.monitor.changed();
    const otherPath = await this.#readPath();
    if (this.#failures > 0 ? performance.now() < this.#retryAt : !changed && !otherPath) return;
    const made = await converge(held.place.netns, this.#wantedIn(held), this.#run);
    const { steps, missing } = made;
    held.ownsQdisc = made.ownsQdisc;
    held.unfitted ||= made.unfitted !== undefined;
    this.#failures = 0;
    this.#inPlace = missing === undefined;
    this.#carrier = made.carrier;
    if (steps.length > 0) this.#context.log.info({ steps: steps.map(describeStep) }, 'made');
    if (made.unfitted !== undefined) this.#context.log.warn({ cause: made.unfitted }, unfittedNotice);
    if (missing === undefined) this.#tellFit(held, made.copiedMtuBytes);
    else this.#context.report.tell('waiting', `waiting for ${missing}`);
  }

  #wantedIn(held: Held): Wanted {
    const { wanted } = this.#end;
    const { ownsQdisc, unfitted } = held;
    const overhead = isIPv6(wanted) ? overheadBytes.IPv6 : overheadBytes.IPv4;
    const mtuBytes = this.#pathMtuBytes === undefined ? wanted.mtuBytes : this.#pathMtuBytes - overhead;
    return { ...wanted, ownsQdisc, mtuBytes, ...(unfitted ? { fitting: undefined } : {}) };
  }

  /** Reads the underlay's MTU, if it is time to; whether it is another one. */
  async #readPath(): Promise<boolean> {
    const { pathMtuBytes: read } = this.#end;
    if (read === undefined || performance.now() < this.#pathCheckAt) return false;
    this.#pathCheckAt = performance.now() + pathCheckMs;
    const before = this.#pathMtuBytes;
    this.#pathMtuBytes = await read();
    return this.#pathMtuBytes !== before;
  }

  /** Tells, when it changes, what becomes of copies that are too large for the underlay. */
  #tellFit(held: Held, copiedMtuBytes: number | undefined): void {
    const { mtuBytes, fitting } = this.#wantedIn(held);
    if (this.#pathMtuBytes === undefined || mtuBytes === undefined || copiedMtuBytes === undefined) return;
    const told = fitNotice(this.#end.wanted, copiedMtuBytes <= mtuBytes, fitting !== undefined);
    const sizes = { pathMtuBytes: this.#pathMtuBytes, mirrorMtuBytes: mtuBytes, copiedMtuBytes };
    if (told + JSON.stringify(sizes) === this.#toldFit) return;
    this.#toldFit = told + JSON.stringify(sizes);
    this.#context.log.info(sizes, told);
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

/** What VXLAN adds to a packet on the underlay: IP, UDP, VXLAN and the inner Ethernet header. */
const overheadBytes = { IPv4: 50, IPv6: 70 };

const unfittedNotice =
  'The eBPF program that makes copies fit the underlay could not be loaded; the tap goes on without it';

function isIPv6({ device }: Wanted): boolean {
  return device.kind === 'vxlan' && isIP(device.remote) === 6;
}

function fitNotice(wanted: Wanted, allFit: boolean, fitting: boolean): string {
  if (allFit) return 'every copy fits the underlay';
  const rest = isIPv6(wanted) ? 'the kernel drops' : 'the kernel sends as two fragments';
  if (!fitting) return `copies that are larger than the underlay takes ${rest}`;
  return `TCP is cut to fit the underlay; other copies that are too large ${isIPv6(wanted) ? 'lose their end' : 'travel as two fragments'}`;
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
