import { createSocket, type Socket } from 'node:dgram';
import { release } from 'node:os';
import { messageOf } from '#src/errors.ts';
import { helloCount, helloPacket, socketType } from '#src/tap/packets/hello.ts';
import { netDevCounts } from '#src/tap/proc/netDev.ts';
import type { Silence } from '#src/tap/path/peerSilence.ts';
import type { Tunnel } from '#src/tap/state.ts';
import { sourcePorts } from '#src/filter/tunnelPorts.ts';
import type { Timing } from '#src/agent/timing.ts';

/** The other end of the tap, told from its hello packets. */
export class Peer {
  readonly #at: Omit<Tunnel, 'vni'>;
  /** Open from the first hello on. */
  #socket: Socket | undefined;
  /** The socket could not be bound, for the node does not have the address at present. */
  #isUseless = false;
  readonly #hello: Uint8Array;
  readonly #silenceMs: number;
  #count: number | undefined;
  #heardAt = -Infinity;
  #received: number | undefined;
  /** Since when packets come of which none is a hello. */
  #othersSince: number | undefined;
  #trouble: string | undefined;

  constructor({ local, remote, port, vni }: Tunnel, { peerSilenceMs }: Timing) {
    this.#silenceMs = peerSilenceMs;
    this.#hello = helloPacket(vni);
    this.#at = { local, remote, port };
  }

  #open(): Socket {
    const { local, remote, port } = this.#at;
    // Many endpoints share the few ports that packets come from: what is sent back is only that nobody is there.
    const socket = createSocket({ type: socketType(remote), reuseAddr: true });
    let isBound = false;
    socket.on('error', ({ message }) => {
      this.#trouble = message;
      this.#isUseless = !isBound;
    });
    // As copies do; another one when this is taken.
    const from = sourcePorts.first + Math.floor(Math.random() * sourcePorts.count);
    socket.bind({ address: local, port: from }, () => {
      isBound = true;
      if (this.#socket === socket) socket.connect(port, remote, () => this.send(this.#hello));
    });
    return socket.unref();
  }

  /** Says that this end is in place. Lost like any datagram; it is said again every second. */
  sayHello(): void {
    if (this.#isUseless) {
      this.#isUseless = false;
      this.close();
    }
    if (this.#socket === undefined) this.#socket = this.#open();
    else this.send(this.#hello);
  }

  /** Sends a packet to the other end's VXLAN port. */
  send(packet: Uint8Array): void {
    try {
      this.#socket?.send(packet, (error) => {
        this.#trouble ??= error?.message;
      });
    } catch (error) {
      this.#trouble ??= messageOf(error); // not connected yet: the next second's goes
    }
  }

  /** What is known of the peer since it was last heard: for example that nobody is at the port. */
  get silence(): Silence {
    const sendsOthers =
      this.#othersSince !== undefined && performance.now() - this.#othersSince >= this.#silenceMs;
    return { trouble: this.#trouble, sendsOthers, kernelRelease: release() };
  }

  /**
   * Whether the peer said hello within the last seconds.
   *
   * @param netDev content of /proc/net/dev of the namespace that the mirror device is in
   */
  isThere(netDev: string, ifname: string): boolean {
    const counts = netDevCounts(netDev, ifname);
    const count = helloCount(counts, release());
    if (this.#count !== undefined && count > this.#count) {
      this.#heardAt = performance.now();
      this.#trouble = undefined;
      this.#othersSince = undefined;
    } else if (this.#received !== undefined && counts.receivedPackets > this.#received) {
      this.#othersSince ??= performance.now();
    }
    this.#count = count;
    this.#received = counts.receivedPackets;
    return performance.now() - this.#heardAt < this.#silenceMs;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
