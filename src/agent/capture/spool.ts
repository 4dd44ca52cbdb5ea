import { type FileHandle, open, unlink } from 'node:fs/promises';
import path from 'node:path';

/** Disk is given back in pieces of this size. */
const SEGMENT_BYTES = 16 * 2 ** 20;
const READ_BYTES = 256 * 2 ** 10;

interface Segment {
  readonly file: FileHandle;
  written: number;
  read: number;
}

/** Bytes that wait on the disk, in their order, and never more than are allowed. */
export class Spool {
  readonly #folder: string;
  readonly #mostBytes: number;
  readonly #segments: Segment[] = [];
  #bytes = 0;
  #made = 0;
  #hasRoom = Promise.withResolvers<void>();
  #last: Promise<unknown> = Promise.resolve();

  /** @param mostBytes at least a segment more than the longest frame */
  constructor(folder: string, mostBytes: number) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
  }

  /** Puts bytes behind all others. Waits while there is no room for them. */
  async append(bytes: Buffer): Promise<void> {
    while (this.#bytes > 0 && this.#bytes + bytes.length > this.#mostBytes) await this.#hasRoom.promise;
    this.#bytes += bytes.length;
    await this.#inTurn(async () => {
      const segment = await this.#segmentToWrite();
      await segment.file.write(bytes, 0, bytes.length, segment.written);
      segment.written += bytes.length;
    });
  }

  /** Takes the first of the bytes; undefined when there are none. */
  async take(): Promise<Buffer | undefined> {
    return this.#inTurn(async () => {
      const [segment] = this.#segments;
      if (segment === undefined || segment.read === segment.written) return undefined;
      const part = Buffer.allocUnsafe(Math.min(READ_BYTES, segment.written - segment.read));
      await segment.file.read(part, 0, part.length, segment.read);
      segment.read += part.length;
      if (segment.read === segment.written && segment.written >= SEGMENT_BYTES) {
        this.#segments.shift();
        await segment.file.close();
      }
      this.#bytes -= part.length;
      this.#hasRoom.resolve();
      this.#hasRoom = Promise.withResolvers();
      return part;
    });
  }

  /** Gives the disk back. */
  async close(): Promise<void> {
    await this.#last;
    for (const { file } of this.#segments) await file.close();
  }

  /** The file has no name: whatever becomes of this process, nothing stays on the disk. */
  async #segmentToWrite(): Promise<Segment> {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.written < SEGMENT_BYTES) return last;
    const name = path.join(this.#folder, `${process.pid}-${this.#made++}`);
    const file = await open(name, 'wx+', 0o600);
    await unlink(name);
    const segment = { file, written: 0, read: 0 };
    this.#segments.push(segment);
    return segment;
  }

  /** One after the other, for both move places in a file. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
