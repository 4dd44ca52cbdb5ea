import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** A stream that is waited for when it is full, and whose failure ends what is written to it. */
export class Outlet {
  readonly #stream: Writable;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  async write(bytes: Buffer | string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (bytes.length > 0 && !this.#stream.write(bytes)) await once(this.#stream, 'drain');
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Returns when all that was written has been taken. */
  async flush(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#stream.write('', (error) => (error ? reject(error) : resolve()));
    await promise;
  }
}
