import { packetLine } from '#src/capture/packetLine.ts';
import type { PlacedPacket } from '#src/pcapng/captureFile.ts';
import type { Outlet } from './outlet.ts';
import type { Sink } from './sink.ts';

/** What has to be known of an interface for its packets' lines. */
export interface NamedInterface {
  readonly name: string;
  readonly linkType: number;
}

const COLOURS = [36, 33, 32, 35, 34, 91, 92, 93, 94, 95, 96];

/** A terminal: a line for each packet. */
export class LineSink implements Sink {
  readonly name = undefined;
  readonly #outlet: Outlet;
  readonly #interfaceOf: (id: number) => NamedInterface;
  readonly #hasColours: boolean;

  constructor(outlet: Outlet, interfaceOf: (id: number) => NamedInterface, hasColours: boolean) {
    this.#outlet = outlet;
    this.#interfaceOf = interfaceOf;
    this.#hasColours = hasColours;
  }

  async packets(packets: readonly PlacedPacket[]): Promise<void> {
    await this.#outlet.write(packets.map((packet) => this.#line(packet)).join(''));
  }

  async block(): Promise<void> {}

  async end(): Promise<void> {
    await this.#outlet.flush();
  }

  #line({ interfaceId, packet, notes }: PlacedPacket): string {
    const { name, linkType } = this.#interfaceOf(interfaceId);
    const { time, direction, text } = packetLine(packet, linkType);
    const missing = notes === undefined ? '' : `${notes.missing} packets are missing here\n`;
    const colour = COLOURS[interfaceId % COLOURS.length] ?? 0;
    const shown = this.#hasColours ? `\u001b[${colour}m${name}\u001b[0m` : name;
    return `${missing}${time} ${shown} ${direction} ${text}\n`;
  }
}
