import { createServer, type Server } from 'node:net';
import type { Logger } from 'pino';
import type { ReadySocket } from '#src/tap/ownership/readySocket.ts';

const retryMs = 1000;

/** Listens where the kubelet asks whether the pod is Ready, while it is. */
export class ReadyPort {
  readonly #at: ReadySocket;
  readonly #log: Logger;
  #server: Server | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(at: ReadySocket, log: Logger) {
    this.#at = at;
    this.#log = log;
  }

  open(): void {
    const { address: host, port } = this.#at;
    // Who connects has its answer by that.
    const server = createServer((socket) => socket.destroy()).unref();
    server.on('error', ({ message }) => {
      if (this.#server !== server) return;
      this.#log.warn({ host, port, cause: message }, 'the kubelet cannot be told yet that the pod is ready');
      this.#retry = setTimeout(() => this.open(), retryMs).unref();
    });
    this.#server = server.listen({ host, port });
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#server?.close();
    this.#server = undefined;
  }
}
