import {
  type Interface,
  interfaceDescription,
  type InterfaceCounts,
  interfaceStatistics,
  type Name,
  nameResolution,
  type Section,
  sectionHeader,
} from './blocks.ts';
import { type Packet, packetBlockBytes, type PacketNotes, writePacket } from './packetBlock.ts';
import type { Timestamp } from './timestamp.ts';

/** A packet, the interface that it was seen at, and what else is to be said with it. */
export interface PlacedPacket {
  readonly interfaceId: number;
  readonly packet: Packet;
  readonly notes?: PacketNotes | undefined;
}

/**
 * What goes into a pcapng file, or one after the other into several of them, each of which can be read alone. Nothing is
 * kept but what a file begins with.
 */
export class CaptureFile {
  readonly #section: Section;
  readonly #interfaces: Interface[] = [];
  #names: readonly Name[] = [];

  constructor(section: Section) {
    this.#section = section;
  }

  /** What a file begins with: everything that is known by now. */
  head(): Buffer {
    const interfaces = this.#interfaces.map((each) => interfaceDescription(each));
    return Buffer.concat([sectionHeader(this.#section), ...this.#nameBlock(), ...interfaces]);
  }

  /** Adds an interface, from now on also to the head. */
  addInterface(described: Interface): { readonly id: number; readonly bytes: Buffer } {
    const id = this.#interfaces.push(described) - 1;
    return { id, bytes: interfaceDescription(described) };
  }

  /** Names addresses, in place of those named before. */
  setNames(names: readonly Name[]): Buffer {
    this.#names = names;
    return Buffer.concat(this.#nameBlock());
  }

  /** Packets in the order given. */
  packets(packets: readonly PlacedPacket[]): Buffer {
    const bytes = packets.reduce((sum, { packet, notes }) => sum + packetBlockBytes(packet, notes), 0);
    const into = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const { interfaceId, packet, notes } of packets)
      at = writePacket(into, at, interfaceId, packet, notes);
    return into;
  }

  counts(interfaceId: number, counts: InterfaceCounts, at: Timestamp): Buffer {
    return interfaceStatistics(interfaceId, counts, at);
  }

  #nameBlock(): Buffer[] {
    return this.#names.length === 0 ? [] : [nameResolution(this.#names)];
  }
}
