import type { Interface, InterfaceCounts } from '#src/pcapng/blocks.ts';
import type { CaptureFile, PlacedPacket } from '#src/pcapng/captureFile.ts';
import type { Timestamp } from '#src/pcapng/timestamp.ts';
import { type CountsAt, type Frame, kinds, readCounts, readPackets } from './frames.ts';
import { type Note, parseNote } from './notes.ts';

export type BeginNote = Extract<Note, { event: 'begin' }>;

/** What a frame has, for a file or for a person. */
export type Item =
  | { readonly kind: 'packets'; readonly packets: readonly PlacedPacket[] }
  /** A block that a file gets as it is. */
  | { readonly kind: 'block'; readonly block: Buffer }
  | { readonly kind: 'note'; readonly note: Note };

interface Place {
  readonly id: number;
  readonly target: string;
  counts: InterfaceCounts;
  countedAt: Timestamp;
  /** Dropped since the last packet. */
  missing: number;
}

/** What a capture came to. */
export interface Totals {
  readonly packets: number;
  /** Of what was kept of them. */
  readonly bytes: number;
  /** Targets of which there was a packet. */
  readonly targets: number;
  readonly dropped: number;
  /** On the way, of streams that were not cut short. */
  readonly lost: number;
  /** Nodes whose stream ended before it said how much it was. */
  readonly cutShort: readonly string[];
}

/** Takes the streams of all nodes apart, and keeps the account of what came and what is missing. */
export class Collector {
  readonly #file: CaptureFile;
  readonly #describe: (node: string, begin: BeginNote) => Interface;
  readonly #streams = new Map<string, Stream>();
  readonly #targets = new Set<string>();
  #packets = 0;
  #bytes = 0;

  /** @param describe what the file says of an interface */
  constructor(file: CaptureFile, describe: (node: string, begin: BeginNote) => Interface) {
    this.#file = file;
    this.#describe = describe;
  }

  /** A stream begins. The name is the node's, with something behind it when it had one before. */
  open(stream: string): void {
    this.#streams.set(stream, { places: new Map(), packets: 0, sent: undefined });
  }

  /** @throws {Error} when the frame is of no interface that was named */
  take(stream: string, frame: Frame): Item {
    const from = this.#streams.get(stream);
    if (from === undefined) throw new Error(`A frame of ${stream}, which has no stream`);
    if (frame.kind === kinds.note) return this.#note(stream, from, frame);
    const place = from.places.get(frame.interfaceId);
    if (place === undefined) throw new Error(`A frame of an interface that ${stream} has not named`);
    if (frame.kind === kinds.counts) return this.#count(place, readCounts(frame.content));
    const packets = readPackets(frame.content).map((packet): PlacedPacket => {
      const notes = place.missing > 0 ? { missing: place.missing } : undefined;
      place.missing = 0;
      this.#bytes += packet.data.length;
      return { interfaceId: place.id, packet, notes };
    });
    from.packets += packets.length;
    this.#packets += packets.length;
    this.#targets.add(place.target);
    return { kind: 'packets', packets };
  }

  /** The last counts of all interfaces, for the end of a file. */
  lastCounts(): Buffer {
    return Buffer.concat(
      this.#places().map((place) => this.#file.counts(place.id, place.counts, place.countedAt)),
    );
  }

  totals(): Totals {
    const streams = [...this.#streams];
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      targets: this.#targets.size,
      dropped: this.#places().reduce((sum, { counts }) => sum + counts.dropped, 0),
      lost: streams.reduce((sum, [, { sent, packets }]) => sum + Math.max(0, (sent ?? 0) - packets), 0),
      cutShort: streams.flatMap(([name, { sent }]) => (sent === undefined ? [name] : [])),
    };
  }

  #places(): Place[] {
    return [...this.#streams.values()].flatMap(({ places }) => Array.from(places.values()));
  }

  #note(node: string, from: Stream, { interfaceId, content }: Frame): Item {
    const note = parseNote(content);
    if (note.event === 'done') from.sent = note.packets;
    if (note.event !== 'begin') return { kind: 'note', note };
    const { id, bytes } = this.#file.addInterface(this.#describe(node, note));
    from.places.set(interfaceId, {
      id,
      target: note.target,
      counts: { received: 0, dropped: 0, delivered: 0 },
      countedAt: { seconds: 0, nanoseconds: 0 },
      missing: 0,
    });
    return { kind: 'block', block: bytes };
  }

  #count(place: Place, { at, ...counts }: CountsAt): Item {
    place.missing += counts.dropped - place.counts.dropped;
    place.counts = counts;
    place.countedAt = at;
    return { kind: 'block', block: this.#file.counts(place.id, counts, at) };
  }
}

interface Stream {
  readonly places: Map<number, Place>;
  packets: number;
  /** How many it says that it had, at its end. */
  sent: number | undefined;
}
