import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { countPackets, type Frame, kinds } from '#src/capture/frames.ts';
import type { Spool } from './spool.ts';

/**
 * Where frames go: the stream to who reads, which may take them slowly or not at all. Who writes waits then, so that
 * nothing piles up here; with a spool it waits only when that is full.
 */
export class Output {
  readonly #stream: Writable;
  readonly #spool: Spool | undefined;
  /** Until the stream takes more. */
  #blocked: Promise<void> | undefined;
  /** Until the spool is empty. */
  #emptying: Promise<void> | undefined;
  #packets = 0;
  #bytes = 0;

  constructor(stream: Writable, spool?: Spool) {
    this.#stream = stream;
    this.#spool = spool;
  }

  /** Packets that were written. */
  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Returns when there is room for more. */
  async write({ kind, content, whole }: Frame): Promise<void> {
    if (kind === kinds.packets) this.#packets += countPackets(content);
    this.#bytes += whole.length;
    const spool = this.#spool;
    if (spool === undefined) {
      await this.#send(whole);
    } else if (this.#blocked === undefined && this.#emptying === undefined) {
      void this.#send(whole);
    } else {
      await spool.append(whole);
      this.#emptying ??= this.#empty(spool);
    }
  }

  /** Returns when all that was written has been taken. */
  async finish(): Promise<void> {
    await this.#emptying;
    await this.#blocked;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stream.write('', () => resolve());
    await promise;
  }

  async #empty(spool: Spool): Promise<void> {
    await this.#blocked;
    for (let part = await spool.take(); part !== undefined; part = await spool.take()) await this.#send(part);
    this.#emptying = undefined;
  }

  async #send(bytes: Buffer): Promise<void> {
    if (this.#stream.write(bytes)) return;
    this.#blocked ??= this.#untilDrained();
    await this.#blocked;
  }

  async #untilDrained(): Promise<void> {
    await once(this.#stream, 'drain');
    this.#blocked = undefined;
  }
}
