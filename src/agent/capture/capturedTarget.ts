import { chooseInterfaces } from '#src/capture/chosenInterfaces.ts';
import { frame, kinds } from '#src/capture/frames.ts';
import { encodeNote, type Note } from '#src/capture/notes.ts';
import { ringMebibytes } from '#src/capture/ringSize.ts';
import { UserError } from '#src/errors.ts';
import { CommandError } from '#src/exec/command.ts';
import { listInterfaces, type NetInterface } from '#src/net/interfaces.ts';
import { Netns } from '#src/net/netns.ts';
import { type Capture, type CaptureTarget, WHOLE_PACKET_BYTES } from '#src/spec/capture.ts';
import { findTarget, isCurrent, type Target } from '#src/agent/pod/podNetns.ts';
import { compileCaptureFilter } from './captureFilter.ts';
import { Capturer } from './capturer.ts';
import type { Output } from './output.ts';

/** What the targets of a capture have in common. */
export interface CaptureContext {
  readonly capture: Capture;
  readonly output: Output;
  /** The next number that no interface has had. */
  readonly nextId: () => number;
  readonly signal: AbortSignal;
  /** Where the network namespace of the node is. */
  readonly nodeNetns: string;
  /** Called once with what ends the whole capture, such as a wrong filter. */
  readonly onFailure: (error: unknown) => void;
}

/** All targets that are looked for at once share a look at the node's processes. */
const SAME_LOOK_MS = 200;

/** The capture's own way home, which would be captured again and again: the kubelet's port. */
const OWN_STREAM = 'tcp port 10250';

/** A pod or node whose interfaces are captured, as long as they are there and also after they are made anew. */
export class CapturedTarget {
  readonly #target: CaptureTarget;
  readonly #context: CaptureContext;
  readonly #capturers = new Map<string, Capturer>();
  readonly #pumps = new Set<Promise<void>>();
  /** Why interfaces that are there are not captured, by their names. */
  readonly #failures = new Map<string, string>();
  #place: Target | undefined;
  #reason: string | undefined;

  constructor(target: CaptureTarget, context: CaptureContext) {
    this.#target = target;
    this.#context = context;
  }

  /** Captures at what there is now and was not there at the last look. */
  async look(): Promise<void> {
    const { podUid } = this.#target;
    if (this.#place !== undefined && podUid !== undefined && !isCurrent(this.#place, podUid)) this.#leave();
    this.#place ??=
      podUid === undefined ? openNode(this.#context.nodeNetns) : findTarget(podUid, SAME_LOOK_MS);
    if (this.#place === undefined) return this.#wait('a running container of it on this node');
    const { netns } = this.#place;
    const interfaces = await listInterfaces(netns, { signal: this.#context.signal });
    const { chosen, missing } = chooseInterfaces(this.#target.interfaces, interfaces);
    for (const each of chosen) {
      if (!this.#capturers.has(each.name)) await this.#try(netns, each, chosen.length);
    }
    const [failure] = this.#failures.values();
    await this.#wait(missing ?? failure);
  }

  /** Returns when all that was captured has been written. */
  async stop(): Promise<void> {
    this.#leave();
    await Promise.all(this.#pumps);
  }

  /** What comes or goes just now fails, and is tried again at the next look. */
  async #try(
    netns: Netns,
    each: NetInterface & { readonly linkType: number },
    interfaces: number,
  ): Promise<void> {
    try {
      await this.#begin(netns, each, interfaces);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#failures.set(each.name, error.message);
    }
  }

  async #begin(
    netns: Netns,
    each: NetInterface & { readonly linkType: number },
    interfaces: number,
  ): Promise<void> {
    const { capture, output, nextId, signal } = this.#context;
    const { filter = '', snapLengthBytes, direction } = capture;
    const isNode = this.#target.podUid === undefined;
    const withoutOwn = filter === '' ? `not ${OWN_STREAM}` : `(${filter}) and not ${OWN_STREAM}`;
    const expression = isNode ? withoutOwn : filter;
    const { name: ifname, linkType } = each;
    const program = await compileCaptureFilter(netns, ifname, expression, {
      linkType,
      snapLengthBytes,
      signal,
    });
    const rings = capture.targets.length * interfaces;
    const options = {
      interfaceId: nextId(),
      ifname,
      linkType,
      program,
      direction,
      snapLengthBytes: snapLengthBytes ?? WHOLE_PACKET_BYTES,
      ringMebibytes: ringMebibytes(rings),
    };
    await this.#note(
      {
        event: 'begin',
        target: this.#target.name,
        ifname,
        linkType,
        mac: each.mac,
        addresses: [...each.addresses],
        mtuBytes: each.mtuBytes,
        ringMebibytes: options.ringMebibytes,
      },
      options.interfaceId,
    );
    const capturer = new Capturer(netns, options);
    this.#capturers.set(ifname, capturer);
    const pump = this.#pump(capturer, ifname, options.interfaceId, output)
      .catch((error: unknown) => this.#context.onFailure(error))
      .finally(() => this.#pumps.delete(pump));
    this.#pumps.add(pump);
  }

  async #pump(capturer: Capturer, ifname: string, id: number, output: Output): Promise<void> {
    try {
      for await (const frames of capturer.frames) {
        this.#failures.delete(ifname); // the first ones are counts, when it has begun
        for (const each of frames) await output.write(each);
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#failures.set(ifname, error.message);
    }
    if (this.#capturers.get(ifname) === capturer) this.#capturers.delete(ifname);
    await this.#note({ event: 'end', target: this.#target.name, ifname }, id);
  }

  /** Ends what captures in a network namespace that is not the target's any more, or not wanted. */
  #leave(): void {
    for (const capturer of this.#capturers.values()) capturer.stop();
    this.#capturers.clear();
    this.#failures.clear();
    this.#place?.netns.close();
    this.#place = undefined;
  }

  /** Tells what is missing when that changes. */
  async #wait(reason: string | undefined): Promise<void> {
    if (reason === this.#reason) return;
    this.#reason = reason;
    if (reason !== undefined) await this.#note({ event: 'waiting', target: this.#target.name, reason });
  }

  #note(note: Note, interfaceId = 0): Promise<void> {
    return this.#context.output.write(frame(interfaceId, kinds.note, encodeNote(note)));
  }
}

function openNode(path: string): Target {
  return { netns: new Netns(path), pid: process.pid };
}
