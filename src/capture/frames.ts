import { directions, type Packet, receptions } from '#src/pcapng/packetBlock.ts';
import type { InterfaceCounts } from '#src/pcapng/blocks.ts';
import type { Timestamp } from '#src/pcapng/timestamp.ts';

/**
 * The stream of packets from a node: frames, each of one interface, as native/capture.c writes them. A packet takes no more
 * room in it than in a pcap file, for what comes home per second is limited by bytes.
 */

export const kinds = { note: 0, packets: 1, counts: 2 } as const;
type Kind = (typeof kinds)[keyof typeof kinds];

export interface Frame {
  readonly interfaceId: number;
  readonly kind: Kind;
  readonly content: Buffer;
  /** The content with the header before it: the frame as it is sent. */
  readonly whole: Buffer;
}

const FRAME_HEADER_BYTES = 8;
const PACKET_HEADER_BYTES = 16;
const COUNTS_BYTES = 32;
/** Two of the ring's blocks, of which the kernel gives a packet one. */
const MOST_CONTENT_BYTES = 4 * 2 ** 20;

/** Counts of an interface, and when they were read. */
export interface CountsAt extends InterfaceCounts {
  readonly at: Timestamp;
}

/** Makes a frame. */
export function frame(interfaceId: number, kind: Kind, content: Uint8Array): Frame {
  const whole = Buffer.allocUnsafe(FRAME_HEADER_BYTES + content.length);
  whole.writeUInt32LE(content.length, 0);
  whole.writeUInt16LE(interfaceId, 4);
  whole.writeUInt16LE(kind, 6);
  whole.set(content, FRAME_HEADER_BYTES);
  return readFrame(whole, 0, whole.length);
}

/** Cuts a stream into its frames, whatever parts it comes in. Keeps what is there of the next frame and nothing else. */
export class FrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;

  /**
   * @returns the frames that are whole now
   * @throws {Error} where no frame can begin like that: the stream is something else
   */
  push(part: Buffer): Frame[] {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes < this.#wantedBytes()) return [];
    const all = this.#parts.length === 1 ? part : Buffer.concat(this.#parts);
    const frames: Frame[] = [];
    let at = 0;
    for (let bytes = frameBytes(all, at); at + bytes <= all.length; bytes = frameBytes(all, at)) {
      frames.push(readFrame(all, at, bytes));
      at += bytes;
    }
    const rest = all.subarray(at);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    return frames;
  }

  /** Bytes of a frame that has begun and not ended. */
  get unfinishedBytes(): number {
    return this.#bytes;
  }

  /** How long what is here has to become until there is a whole frame. */
  #wantedBytes(): number {
    const [first] = this.#parts;
    if (first === undefined || first.length < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    return frameBytes(first, 0);
  }
}

/** Header and content; the header alone where not even that is there. */
function frameBytes(from: Buffer, at: number): number {
  if (from.length - at < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
  const content = from.readUInt32LE(at);
  const kind = from.readUInt16LE(at + 6);
  if (content > MOST_CONTENT_BYTES || kind > kinds.counts)
    throw new Error(`The stream of packets is broken: a frame of kind ${kind} with ${content} bytes`);
  return FRAME_HEADER_BYTES + content;
}

function readFrame(from: Buffer, at: number, bytes: number): Frame {
  return {
    interfaceId: from.readUInt16LE(at + 4),
    kind: kindOf(from.readUInt16LE(at + 6)),
    content: from.subarray(at + FRAME_HEADER_BYTES, at + bytes),
    whole: from.subarray(at, at + bytes),
  };
}

function kindOf(number: number): Kind {
  if (number === kinds.packets) return kinds.packets;
  return number === kinds.counts ? kinds.counts : kinds.note;
}

/** The packets of a frame; their data stay where they are. */
export function readPackets(content: Buffer): Packet[] {
  const packets: Packet[] = [];
  for (let at = 0; at + PACKET_HEADER_BYTES <= content.length;) {
    const time = content.readUInt32LE(at + 4);
    const length = content.readUInt32LE(at + 8);
    const dataAt = at + PACKET_HEADER_BYTES;
    at = dataAt + (length & 0xfffffff);
    packets.push({
      seconds: content.readUInt32LE(dataAt - 16),
      nanoseconds: time & 0x3fffffff,
      direction: DIRECTIONS[time >>> 30] ?? directions.unknown,
      reception: RECEPTIONS[length >>> 28] ?? receptions.unknown,
      data: content.subarray(dataAt, at),
      originalBytes: content.readUInt32LE(dataAt - 4),
    });
  }
  return packets;
}

/** How many packets a frame has, without reading them. */
export function countPackets(content: Buffer): number {
  let count = 0;
  for (let at = 0; at + PACKET_HEADER_BYTES <= content.length; count++)
    at += PACKET_HEADER_BYTES + (content.readUInt32LE(at + 8) & 0xfffffff);
  return count;
}

/** The counts of a frame. */
export function readCounts(content: Buffer): CountsAt {
  if (content.length !== COUNTS_BYTES) throw new Error(`Counts have ${content.length} bytes`);
  const [received, dropped, delivered] = [0, 8, 16].map((at) => Number(content.readBigUInt64LE(at)));
  return {
    received: received ?? 0,
    dropped: dropped ?? 0,
    delivered: delivered ?? 0,
    at: { seconds: content.readUInt32LE(24), nanoseconds: content.readUInt32LE(28) },
  };
}

/** Both by the numbers that they are sent as. */
const DIRECTIONS = [directions.unknown, directions.in, directions.out] as const;
const RECEPTIONS = [
  receptions.unknown,
  receptions.unicast,
  receptions.multicast,
  receptions.broadcast,
  receptions.other,
] as const;
