import type { PlacedPacket } from '#src/pcapng/captureFile.ts';
import { compareTimes, type Timestamp } from '#src/pcapng/timestamp.ts';

/** Packets that came at the same time, from one interface. */
interface Arrival {
  readonly atMs: number;
  readonly latest: Timestamp;
}

/**
 * Puts packets of several interfaces in the order of their times. Each interface has its own in order, and of two interfaces one
 * may come later than the other by as long as packets wait here.
 */
export class TimeOrder {
  readonly #waitMs: number;
  #packets: PlacedPacket[] = [];
  readonly #arrivals: Arrival[] = [];

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** @param packets of one interface, in its order */
  put(packets: readonly PlacedPacket[], nowMs: number): void {
    const latest = packets.at(-1);
    if (latest === undefined) return;
    for (const packet of packets) this.#packets.push(packet);
    this.#arrivals.push({ atMs: nowMs, latest: latest.packet });
  }

  /** Those that have waited long enough, and all that are earlier. */
  take(nowMs: number): PlacedPacket[] {
    const waited = this.#arrivals.findIndex(({ atMs }) => atMs > nowMs - this.#waitMs);
    const old = this.#arrivals.splice(0, waited === -1 ? this.#arrivals.length : waited);
    const [first, ...others] = old.map(({ latest }) => latest);
    if (first === undefined) return [];
    const until = others.reduce((latest, each) => (compareTimes(latest, each) < 0 ? each : latest), first);
    const isDue = ({ packet }: PlacedPacket) => compareTimes(packet, until) <= 0;
    const due = this.#packets.filter(isDue);
    this.#packets = this.#packets.filter((packet) => !isDue(packet));
    return sorted(due);
  }

  /** All that are left. */
  takeAll(): PlacedPacket[] {
    const rest = sorted(this.#packets);
    this.#packets = [];
    this.#arrivals.length = 0;
    return rest;
  }
}

/** Packets of one time stay as they came. What is in order already takes as many comparisons as there are packets. */
function sorted(packets: readonly PlacedPacket[]): PlacedPacket[] {
  return packets.toSorted((one, other) => compareTimes(one.packet, other.packet));
}
