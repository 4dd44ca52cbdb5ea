import { BLOCK_OVERHEAD, count, type Option, padded, text } from './block.ts';
import { type Timestamp, writeTimestamp } from './timestamp.ts';

/** A packet as it was seen at an interface. */
export interface Packet extends Timestamp {
  /** As the pod or node sees it; unknown on its loopback interface. */
  readonly direction: Direction;
  readonly reception: Reception;
  /** What was kept of it. */
  readonly data: Uint8Array;
  /** How long it was. */
  readonly originalBytes: number;
}

/** As the bits of epb_flags have them. */
export const directions = { unknown: 0, in: 1, out: 2 } as const;
type Direction = (typeof directions)[keyof typeof directions];

/** Whom a packet was for, as the bits of epb_flags have it. `other` is another machine. */
export const receptions = { unknown: 0, unicast: 1, multicast: 2, broadcast: 3, other: 4 } as const;
type Reception = (typeof receptions)[keyof typeof receptions];

/** What else is said with a packet. */
export interface PacketNotes {
  /** Packets that are missing in front of it. */
  readonly missing: number;
}

const ENHANCED_PACKET = 6;
/** Interface, both words of the time, both lengths. */
const FIXED_BYTES = 20;
/** The flags, and the mark of the options' end. */
const USUAL_OPTION_BYTES = 12;
const COMMENT = 1;
const EPB_FLAGS = 2;
const EPB_DROPCOUNT = 4;

/** How many bytes a packet becomes; see {@link writePacket}. */
export function packetBlockBytes(packet: Packet, notes?: PacketNotes): number {
  const more = notes === undefined ? 0 : optionBytes(noteOptions(notes));
  return BLOCK_OVERHEAD + FIXED_BYTES + padded(packet.data.length) + USUAL_OPTION_BYTES + more;
}

/**
 * Writes a packet's block, of which there are millions: into a buffer that others fit in as well.
 *
 * @returns where the next one begins
 */
export function writePacket(
  into: Buffer,
  at: number,
  interfaceId: number,
  packet: Packet,
  notes?: PacketNotes,
): number {
  const bytes = packetBlockBytes(packet, notes);
  const { data } = packet;
  into.writeUInt32LE(ENHANCED_PACKET, at);
  into.writeUInt32LE(bytes, at + 4);
  into.writeUInt32LE(interfaceId, at + 8);
  writeTimestamp(into, at + 12, packet);
  into.writeUInt32LE(data.length, at + 20);
  into.writeUInt32LE(packet.originalBytes, at + 24);
  into.set(data, at + 28);
  let next = at + 28 + data.length;
  const optionsAt = at + 28 + padded(data.length);
  into.fill(0, next, optionsAt);
  into.writeUInt16LE(EPB_FLAGS, optionsAt);
  into.writeUInt16LE(4, optionsAt + 2);
  into.writeUInt32LE(packet.direction | (packet.reception << 2), optionsAt + 4);
  next = optionsAt + 8;
  for (const [code, value] of notes === undefined ? [] : noteOptions(notes)) {
    into.writeUInt16LE(code, next);
    into.writeUInt16LE(value.length, next + 2);
    into.set(value, next + 4);
    into.fill(0, next + 4 + value.length, next + 4 + padded(value.length));
    next += 4 + padded(value.length);
  }
  into.writeUInt32LE(0, next);
  into.writeUInt32LE(bytes, next + 4);
  return next + 8;
}

function noteOptions({ missing }: PacketNotes): Option[] {
  const said = `kokotap: ${missing} ${missing === 1 ? 'packet is' : 'packets are'} missing before this one: the kernel had no room`;
  return [count(EPB_DROPCOUNT, missing), ...text(COMMENT, said)];
}

function optionBytes(options: readonly Option[]): number {
  return options.reduce((sum, [, value]) => sum + 4 + padded(value.length), 0);
}
