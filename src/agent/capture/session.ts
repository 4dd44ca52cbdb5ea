import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { frame, kinds } from '#src/capture/frames.ts';
import { encodeNote } from '#src/capture/notes.ts';
import { UserError } from '#src/errors.ts';
import { type Capture, type CaptureTarget, parseCapture } from '#src/spec/capture.ts';
import { CapturedTarget, type CaptureContext } from './capturedTarget.ts';
import { Output } from './output.ts';
import { Spool } from './spool.ts';

export interface SessionOptions {
  /** Where a spool may be, if one is asked for. */
  readonly spoolFolder: string;
  /** Between two looks at the targets. */
  readonly lookMs: number;
  /** Who has said nothing for so long is gone. */
  readonly silenceMs: number;
  /** How long what is captured is still written when the reader seems to be gone. */
  readonly graceMs: number;
  /** Called when a line comes. */
  readonly onLine: () => void;
  readonly signal: AbortSignal;
  /** Where the network namespace of the node is. */
  readonly nodeNetns: string;
}

/** The line that ends a capture. */
const END_LINE = 'end';

/**
 * Captures what the first line says, until the lines end, one says so, or none comes for too long. A line may have other
 * targets than the one before; an empty one says that there still is a reader.
 *
 * @throws {UserError} when what is asked for is not possible
 */
export async function runCapture(
  lines: AsyncIterable<string>,
  stream: Writable,
  options: SessionOptions,
): Promise<void> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) throw new UserError('Give the capture as a line of JSON on standard input');
  const capture = parseCapture(first.value);
  const { spoolBytes } = capture;
  const spool = spoolBytes === 0 ? undefined : new Spool(options.spoolFolder, spoolBytes);
  const session = new Session(capture, new Output(stream, spool), options);
  options.onLine();
  void session.read(iterator);
  // Without a reader what is to be written may wait for ever.
  await Promise.race([session.keep(), session.gone]);
  await spool?.close();
}

class Session {
  readonly #output: Output;
  readonly #options: SessionOptions;
  readonly #targets = new Map<string, CapturedTarget>();
  readonly #ending = new AbortController();
  readonly #gone = Promise.withResolvers<void>();
  readonly #context: Omit<CaptureContext, 'capture'>;
  #capture: Capture;
  #ids = 0;
  #failure: unknown;
  #reason: string | undefined;

  constructor(capture: Capture, output: Output, options: SessionOptions) {
    this.#capture = capture;
    this.#output = output;
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#finish('it was told to'), { once: true });
    this.#context = {
      output,
      nextId: () => ++this.#ids,
      signal: this.#ending.signal,
      nodeNetns: options.nodeNetns,
      onFailure: (error) => this.#fail(error),
    };
  }

  /** Settled when there is no reader any more. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Reads lines until there are no more. */
  async read(lines: AsyncIterator<string>): Promise<void> {
    const { silenceMs, onLine } = this.#options;
    const silence = setTimeout(
      () => this.#lose(`no word from who reads for ${silenceMs / 1000} s`),
      silenceMs,
    );
    try {
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
        silence.refresh();
        onLine();
        if (line.value === END_LINE) this.#finish();
        else if (line.value !== '') this.#capture = parseCapture(line.value);
      }
      this.#lose('its input ended');
    } catch (error) {
      this.#fail(error);
    } finally {
      clearTimeout(silence);
    }
  }

  /**
   * Keeps the capture as the last line says, and writes what is still to be written when it ends.
   *
   * @throws {UserError} when what is asked for is not possible
   */
  async keep(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#look();
      await sleep(this.#options.lookMs, undefined, { signal }).catch(() => undefined);
    }
    await this.#end();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #end(): Promise<void> {
    await Promise.all([...this.#targets.values()].map((target) => target.stop()));
    const { packets, bytes } = this.#output;
    const done = encodeNote({ event: 'done', packets, bytes, reason: this.#reason });
    await this.#output.write(frame(0, kinds.note, done));
    await this.#output.finish();
  }

  async #look(): Promise<void> {
    const wanted = new Map(this.#capture.targets.map((each) => [keyOf(each), each]));
    for (const [key, target] of this.#targets) {
      if (wanted.has(key)) continue;
      this.#targets.delete(key);
      await target.stop();
    }
    for (const [key, each] of wanted) {
      if (!this.#targets.has(key))
        this.#targets.set(key, new CapturedTarget(each, { ...this.#context, capture: this.#capture }));
    }
    await Promise.all([...this.#targets.values()].map((target) => this.#lookAt(target)));
  }

  /** What ends meanwhile is looked for again. */
  async #lookAt(target: CapturedTarget): Promise<void> {
    try {
      await target.look();
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#fail(error);
    }
  }

  #finish(reason?: string): void {
    this.#reason ??= reason;
    this.#ending.abort();
  }

  /** The reader is gone, or its side of the stream: what is on its way is still written, for a moment. */
  #lose(reason: string): void {
    this.#finish(reason);
    setTimeout(() => this.#gone.resolve(), this.#options.graceMs);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#ending.abort();
  }
}

/** A pod made anew under its name is another target. */
function keyOf({ name, podUid, interfaces }: CaptureTarget): string {
  return [name, podUid, ...interfaces].join(' ');
}
