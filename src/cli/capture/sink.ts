import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { fileName, type FileRotation } from '#src/capture/fileNames.ts';
import { TimeOrder } from '#src/capture/timeOrder.ts';
import { UserError } from '#src/errors.ts';
import type { CaptureFile, PlacedPacket } from '#src/pcapng/captureFile.ts';
import { Outlet } from './outlet.ts';

/** Where a capture goes. */
export interface Sink {
  /** Packets of one interface, in its order. */
  packets(packets: readonly PlacedPacket[]): Promise<void>;
  /** A description, or counts. */
  block(block: Buffer): Promise<void>;
  /** @param lastCounts those of all interfaces */
  end(lastCounts: Buffer): Promise<void>;
  /** What it was written to, for the last line; undefined: not to a file. */
  readonly name: string | undefined;
}

/** A pipe: everything goes on as it comes. */
export class PipeSink implements Sink {
  readonly name = undefined;
  readonly #file: CaptureFile;
  readonly #outlet: Outlet;

  constructor(file: CaptureFile, stream: Writable) {
    this.#file = file;
    this.#outlet = new Outlet(stream);
  }

  async begin(): Promise<this> {
    await this.#outlet.write(this.#file.head());
    return this;
  }

  async packets(packets: readonly PlacedPacket[]): Promise<void> {
    await this.#outlet.write(this.#file.packets(packets));
  }

  async block(block: Buffer): Promise<void> {
    await this.#outlet.write(block);
  }

  async end(lastCounts: Buffer): Promise<void> {
    await this.#outlet.write(lastCounts);
    await this.#outlet.flush();
  }
}

/** Packets wait so long in front of a file for earlier ones of others. */
const ORDER_MS = 500;
const ORDER_LOOK_MS = 100;

/** One file or several, one after the other, with the packets in the order of their times. */
export class FileSink implements Sink {
  readonly #file: CaptureFile;
  readonly #rotation: FileRotation;
  readonly #order = new TimeOrder(ORDER_MS);
  readonly #looks: NodeJS.Timeout;
  /** Writes are one after the other. */
  #last: Promise<void> = Promise.resolve();
  #current: OpenFile | undefined;
  #index = 0;
  #bytes = 0;
  #openedAt = 0;

  constructor(file: CaptureFile, rotation: FileRotation) {
    this.#file = file;
    this.#rotation = rotation;
    this.#looks = setInterval(() => {
      const due = this.#order.take(performance.now());
      if (due.length > 0) this.#inTurn(() => this.#write(due)).catch(() => undefined);
    }, ORDER_LOOK_MS);
  }

  get name(): string {
    return this.#rotation.name;
  }

  /** Opens the first file. */
  async begin(): Promise<this> {
    await this.#inTurn(() => this.#open());
    return this;
  }

  async packets(packets: readonly PlacedPacket[]): Promise<void> {
    this.#order.put(packets, performance.now());
    await this.#last; // who writes faster than the disk waits
  }

  async block(block: Buffer): Promise<void> {
    await this.#inTurn(() => this.#put(block));
  }

  async end(lastCounts: Buffer): Promise<void> {
    clearInterval(this.#looks);
    await this.#inTurn(async () => {
      await this.#write(this.#order.takeAll());
      await this.#put(lastCounts);
      await this.#current?.end();
    });
  }

  async #write(packets: readonly PlacedPacket[]): Promise<void> {
    const { mostBytes, mostSeconds } = this.#rotation;
    const isOld = mostSeconds !== undefined && performance.now() - this.#openedAt > mostSeconds * 1000;
    if (isOld) await this.#next();
    if (mostBytes === undefined) return this.#put(this.#file.packets(packets));
    for (const packet of packets) {
      const bytes = this.#file.packets([packet]);
      if (this.#bytes + bytes.length > mostBytes && this.#bytes > 0) await this.#next();
      await this.#put(bytes);
    }
  }

  async #next(): Promise<void> {
    await this.#current?.end();
    this.#index++;
    await this.#open();
  }

  async #open(): Promise<void> {
    this.#current = await OpenFile.open(fileName(this.#rotation, this.#index, new Date()));
    this.#openedAt = performance.now();
    await this.#current.write(this.#file.head());
    this.#bytes = 0;
  }

  async #put(bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length;
    await this.#current?.write(bytes);
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(action);
    return this.#last;
  }
}

/** A file, compressed as its name says. */
class OpenFile {
  readonly #outlet: Outlet;
  readonly #first: Writable;
  readonly #done: Promise<void>;

  private constructor(first: Writable, done: Promise<void>) {
    this.#first = first;
    this.#done = done;
    this.#outlet = new Outlet(first);
  }

  /** @throws {UserError} when it cannot be made */
  static async open(name: string): Promise<OpenFile> {
    const file = createWriteStream(name);
    await opened(file, name);
    const compressor = compressorFor(name);
    if (compressor === undefined)
      return new OpenFile(
        file,
        once(file, 'close').then(() => undefined),
      );
    const done = pipeline(compressor, file);
    done.catch(() => undefined); // the next write says it
    return new OpenFile(compressor, done);
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#outlet.write(bytes);
  }

  async end(): Promise<void> {
    this.#first.end();
    await this.#done;
  }
}

async function opened(file: WriteStream, name: string): Promise<void> {
  try {
    await once(file, 'open');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`Cannot write to ${name}: ${reason}`, { cause: error });
  }
}

function compressorFor(name: string): (Writable & NodeJS.ReadWriteStream) | undefined {
  if (name.endsWith('.gz')) return zlib.createGzip({ level: zlib.constants.Z_BEST_SPEED });
  if (!name.endsWith('.zst')) return undefined;
  if (typeof zlib.createZstdCompress !== 'function')
    throw new UserError('Files that end in .zst need Node.js 22.15 or newer: choose .gz');
  return zlib.createZstdCompress();
}
