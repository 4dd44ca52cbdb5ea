import { createSocket, type Socket } from 'node:dgram';
import { messageOf } from '#src/errors.ts';
import { helloCount, helloPacket, socketType } from '#src/tap/hello.ts';
import type { Vxlan } from '#src/tap/state.ts';

/** Silence of the other end after which it counts as gone: five of its hellos. */
const silenceMs = 5000;

/** The other end of the tap, told from its hello packets. */
export class Peer {
  readonly #socket: Socket;
  readonly #hello: Uint8Array;
  #count: number | undefined;
  #heardAt = -Infinity;
  #trouble: string | undefined;

  constructor({ local, remote, port, vni }: Vxlan) {
    this.#hello = helloPacket(vni);
    this.#socket = createSocket(socketType(remote));
    this.#socket.on('error', ({ message }) => {
      this.#trouble = message;
    });
    this.#socket.bind({ address: local }, () => this.#socket.connect(port, remote));
    this.#socket.unref();
  }

  /** Says that this end is in place. Lost like any datagram; it is said again every second. */
  sayHello(): void {
    try {
      this.#socket.send(this.#hello, (error) => {
        this.#trouble ??= error?.message;
      });
    } catch (error) {
      this.#trouble ??= messageOf(error); // not connected yet: the next second's goes
    }
  }

  /** What the network answered to a hello since the peer was last heard, for example that nobody is at the port. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Whether the peer said hello within the last seconds.
   *
   * @param netDev content of /proc/net/dev of the namespace that the mirror device is in
   */
  isThere(netDev: string, ifname: string): boolean {
    const count = helloCount(netDev, ifname);
    if (this.#count !== undefined && count > this.#count) {
      this.#heardAt = performance.now();
      this.#trouble = undefined;
    }
    this.#count = count;
    return performance.now() - this.#heardAt < silenceMs;
  }

  close(): void {
    this.#socket.close();
  }
}
