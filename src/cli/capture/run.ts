import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BeginNote, Collector } from '#src/capture/collector.ts';
import type { Frame } from '#src/capture/frames.ts';
import type { Note } from '#src/capture/notes.ts';
import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { type Interface } from '#src/pcapng/blocks.ts';
import { CaptureFile } from '#src/pcapng/captureFile.ts';
import { captureLine } from '#src/spec/capture.ts';
import { VERSION } from '#src/version.ts';
import { isBrokenPipe } from '../output.ts';
import { podsNamespace } from '../podsNamespace.ts';
import { quote } from '../text.ts';
import type { NamedInterface } from './lineSink.ts';
import { namesOf } from './names.ts';
import { NodeCapture } from './nodeCapture.ts';
import type { CaptureOptions } from './options.ts';
import { podInput, removeEnded } from './pods.ts';
import { Selection, type Selected } from '../targets/selection.ts';
import type { Sink } from './sink.ts';
import { isComplete, summary } from './summary.ts';

/** Between two looks at what is selected. */
const FOLLOW_MS = 2000;
/** What is on its way at the end comes within that, or is lost. */
const LAST_MS = 10_000;
/** Looks in a row at which none of the targets was there. */
const MOST_EMPTY_LOOKS = 2;

export interface CaptureIo {
  /** A line for a person. */
  readonly say: (text: string) => void;
  /** Aborted when the capture is to end. */
  readonly signal: AbortSignal;
  /** @returns where the packets go */
  readonly openSink: (file: CaptureFile, interfaceOf: (id: number) => NamedInterface) => Promise<Sink>;
}

/** What a capture came to, for the exit code. */
export interface CaptureResult {
  readonly isComplete: boolean;
}

/**
 * Captures until something ends it, and takes away what it made.
 *
 * @throws {UserError} when nothing can be captured, or nothing can be written
 */
export async function runCapture(
  options: CaptureOptions,
  cluster: Cluster,
  io: CaptureIo,
): Promise<CaptureResult> {
  const namespace = options.namespace ?? (await cluster.namespace());
  const { words, labels, interfaces } = options;
  const selection = await Selection.of(cluster.api, { namespace, words, labels, interfaces });
  const run = new CaptureRun(options, namespace, cluster, selection, io);
  return run.run();
}

interface OnNode {
  targets: readonly Selected[];
  /** Undefined until the pod runs. */
  capture: NodeCapture | undefined;
  /** Ends with the stream. */
  ended: Promise<void>;
}

class CaptureRun {
  readonly #options: CaptureOptions;
  readonly #namespace: string;
  readonly #cluster: Cluster;
  readonly #selection: Selection;
  readonly #io: CaptureIo;
  readonly #id = randomBytes(5).toString('hex');
  readonly #file: CaptureFile;
  readonly #collector: Collector;
  readonly #interfaces: NamedInterface[] = [];
  readonly #nodes = new Map<string, OnNode>();
  readonly #ending = new AbortController();
  readonly #begin = performance.now();
  #sink: Sink | undefined;
  #selected = new Map<string, Selected>();
  #podNamespace = '';
  #streams = 0;
  #written = 0;
  #failure: unknown;
  #isUnread = false;
  #isTimed = false;

  constructor(
    options: CaptureOptions,
    namespace: string,
    cluster: Cluster,
    selection: Selection,
    io: CaptureIo,
  ) {
    this.#options = options;
    this.#namespace = namespace;
    this.#cluster = cluster;
    this.#selection = selection;
    this.#io = io;
    this.#file = new CaptureFile({ application: `kokotap ${VERSION}` });
    this.#collector = new Collector(this.#file, (stream, begin) => this.#describe(stream, begin));
    io.signal.addEventListener('abort', () => this.#finish(), { once: true });
  }

  async run(): Promise<CaptureResult> {
    const found = await this.#find();
    if (found.length === 0) throw new UserError(this.#nothing());
    this.#podNamespace = await podsNamespace(this.#cluster.api, this.#options.tapNamespace, this.#namespace);
    this.#sink = await this.#io.openSink(this.#file, (id) => this.#interfaces[id] ?? unknown);
    void removeEnded(this.#cluster.api, this.#podNamespace);
    try {
      await this.#nameAddresses(found);
      this.#arrange(found);
      await this.#keep();
      await this.#end(this.#sink);
    } finally {
      await this.#clear();
    }
    if (this.#failure !== undefined) throw this.#failure;
    // Who closed the pipe wanted no more.
    return { isComplete: this.#isUnread || isComplete(this.#collector.totals()) };
  }

  /** Looks from time to time who has joined and who has left. */
  async #keep(): Promise<void> {
    const { signal } = this.#ending;
    for (let emptyLooks = 0; emptyLooks < MOST_EMPTY_LOOKS && !signal.aborted;) {
      await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const found = await this.#find();
        emptyLooks = found.length === 0 ? emptyLooks + 1 : 0;
        if (this.#arrange(found)) await this.#nameAddresses(found);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        this.#io.say(`cannot look who has joined: ${error.message}`); // the streams may go on all the same
      }
    }
  }

  /** Those of now; without following, those of the beginning that are still there. */
  async #find(): Promise<readonly Selected[]> {
    const { maxPods, noFollow } = this.#options;
    const all = await this.#selection.find();
    const known = all.filter(({ target }) => this.#selected.has(target.name));
    if (noFollow && this.#selected.size > 0) return known;
    const others = all.filter(({ target }) => !this.#selected.has(target.name));
    const chosen = [...known, ...others].slice(0, maxPods);
    const left = others.filter((each) => !chosen.includes(each)).map(({ target }) => target.name);
    if (left.length > 0 && this.#selected.size === 0)
      this.#io.say(`only the first ${maxPods} pods are captured (--max-pods), not ${left.join(', ')}`);
    return chosen;
  }

  /** Has each node capture what is selected on it. Returns whether that has changed. */
  #arrange(found: readonly Selected[]): boolean {
    const before = new Set([...this.#selected.values()].map(keyOf));
    const hasChanged = found.length !== before.size || found.some((each) => !before.has(keyOf(each)));
    if (!hasChanged) return false;
    for (const { target, pod } of found) {
      if (!this.#selected.has(target.name) && pod?.spec.hostNetwork === true)
        this.#io.say(`${target.name} has its node's network: all of that is captured`);
    }
    this.#selected = new Map(found.map((each) => [each.target.name, each]));
    for (const [node, targets] of byNode(found)) {
      const there = this.#nodes.get(node);
      if (there === undefined) this.#nodes.set(node, this.#startOn(node, targets));
      else there.targets = targets;
    }
    for (const [node, there] of this.#nodes) {
      if (!found.some((each) => each.node === node)) there.targets = [];
      there.capture?.tell(this.#lineFor(there.targets));
    }
    return true;
  }

  #startOn(node: string, targets: readonly Selected[]): OnNode {
    const there: OnNode = { targets, capture: undefined, ended: Promise.resolve() };
    there.ended = this.#captureOn(node, there).catch((error: unknown) => this.#fail(error));
    return there;
  }

  async #captureOn(node: string, there: OnNode): Promise<void> {
    const stream = `${node}#${++this.#streams}`;
    const { signal } = this.#ending;
    const input = await podInput(this.#cluster.api, this.#options, {
      captureId: this.#id,
      index: this.#streams,
      namespace: this.#podNamespace,
      node,
      targets: there.targets.map(({ target }) => target.name).join(' '),
    });
    if (signal.aborted) return;
    there.capture = await NodeCapture.start(this.#cluster, input, this.#lineFor(there.targets), {
      timeoutMs: this.#options.timeoutSeconds * 1000,
      onWait: (reason) => this.#io.say(`waiting for ${reason}`),
      signal,
    });
    // What has changed meanwhile, and what has ended.
    there.capture.tell(this.#lineFor(there.targets));
    if (signal.aborted) there.capture.stop();
    this.#collector.open(stream);
    try {
      for await (const frames of there.capture.frames()) {
        for (const frame of frames) await this.#take(stream, frame);
      }
    } finally {
      await there.capture.remove();
    }
  }

  async #take(stream: string, frame: Frame): Promise<void> {
    const item = this.#collector.take(stream, frame);
    if (item.kind === 'note') return this.#note(item.note);
    if (item.kind === 'block') return this.#sink?.block(item.block);
    const { packetCount = Infinity } = this.#options;
    const packets = item.packets.slice(0, Math.max(0, packetCount - this.#written));
    this.#written += packets.length;
    if (packets.length > 0) await this.#sink?.packets(packets);
    if (this.#written >= packetCount) this.#finish();
  }

  #note(note: Note): void {
    if (note.event === 'waiting') this.#io.say(`${note.target}: waiting for ${note.reason}`);
    if (note.event === 'end' && !this.#ending.signal.aborted) this.#io.say(`- ${note.target} ${note.ifname}`);
  }

  #describe(stream: string, begin: BeginNote): Interface {
    const [node = ''] = stream.split('#', 1);
    const { target, ifname, linkType, mac, addresses } = begin;
    const { filter, snapLengthBytes } = this.#options;
    const name = `${target}:${ifname}`;
    this.#interfaces.push({ name, linkType });
    this.#startClock();
    this.#io.say(`+ ${target} ${ifname} (${node})`);
    const image = this.#selected.get(target)?.pod?.spec.containers[0]?.image;
    return {
      name,
      description: `${target} on ${node}${image === undefined ? '' : `, ${image}`}`,
      linkType,
      snapLengthBytes: snapLengthBytes ?? 0,
      filter,
      mac,
      addresses,
    };
  }

  /** The duration is that of the capture, not of its start. */
  #startClock(): void {
    const { durationSeconds } = this.#options;
    if (durationSeconds === undefined || this.#isTimed) return;
    this.#isTimed = true;
    const timer = setTimeout(() => this.#finish(), durationSeconds * 1000);
    this.#ending.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  }

  #lineFor(targets: readonly Selected[]): string {
    const { filter, snapLengthBytes, direction, spoolBytes } = this.#options;
    const asked = targets.map(({ target }) => target);
    return captureLine({ targets: asked, filter, snapLengthBytes, direction, spoolBytes });
  }

  async #nameAddresses(found: readonly Selected[]): Promise<void> {
    await this.#sink?.block(this.#file.setNames(await namesOf(this.#cluster.api, found)));
  }

  /** Takes what is on its way, and closes what it goes to. */
  async #end(sink: Sink): Promise<void> {
    this.#ending.abort();
    for (const { capture } of this.#nodes.values()) capture?.stop();
    await this.#allEnded();
    // A reader that stands still takes neither.
    await Promise.race([this.#close(sink), sleep(LAST_MS, undefined, { ref: false })]);
    const seconds = (performance.now() - this.#begin) / 1000;
    if (!this.#isUnread)
      this.#io.say(summary(this.#collector.totals(), { seconds, name: sink.name, written: this.#written }));
  }

  async #close(sink: Sink): Promise<void> {
    try {
      if (!this.#isUnread) await sink.end(this.#collector.lastCounts());
    } catch (error) {
      if (!isBrokenPipe(error)) throw error;
    }
  }

  /** Ends the streams that have not ended by themselves, and waits until all that was made is taken away. */
  async #clear(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#nodes.values()].map(async ({ capture }) => capture?.remove()));
    await this.#allEnded();
  }

  /** The streams have ended, or do not for too long. */
  async #allEnded(): Promise<void> {
    const all = Promise.all([...this.#nodes.values()].map(({ ended }) => ended));
    await Promise.race([all, sleep(LAST_MS, undefined, { ref: false })]);
  }

  #nothing(): string {
    const where = `in namespace ${quote(this.#namespace)}`;
    return `There is nothing to capture ${where}: none of the targets has a pod on a node`;
  }

  #finish(): void {
    this.#ending.abort();
  }

  /** The first failure ends the capture. That nobody reads any more is none. */
  #fail(error: unknown): void {
    if (isBrokenPipe(error)) this.#isUnread = true;
    else if (!this.#ending.signal.aborted) this.#failure ??= error;
    this.#ending.abort();
  }
}

const unknown: NamedInterface = { name: '?', linkType: 0 };

/** A pod made anew under its name is another. */
function keyOf({ node, target }: Selected): string {
  return `${node} ${target.name} ${target.podUid}`;
}

function byNode(found: readonly Selected[]): Map<string, Selected[]> {
  return Map.groupBy(found, ({ node }) => node);
}
