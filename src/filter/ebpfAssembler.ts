/** Writes eBPF instructions, 8 bytes each, with jumps to places that are not known yet. */

/** A place in the program. */
export interface Label {
  at: number | undefined;
}

/** Registers, the distance of a place in memory or of a jump, and a constant. */
export interface Operands {
  readonly to?: number;
  readonly from?: number;
  readonly offset?: number;
  readonly k?: number;
}

/** Jumps are of 16 bits, also when the kernel has put about so many instructions in place of each load from the packet. */
const farthest = 0x7fff;
const kernelInstructionsPerLoad = 16;

export class EbpfAssembler {
  readonly #words: { code: number; to: number; from: number; offset: number; k: number }[] = [];
  readonly #jumps: { readonly at: number; readonly label: Label }[] = [];

  get length(): number {
    return this.#words.length;
  }

  /** An instruction with registers `to` and `from`. */
  add(code: number, { to = 0, from = 0, offset = 0, k = 0 }: Operands): void {
    this.#words.push({ code, to, from, offset, k });
  }

  /** A jump, with a condition or without. */
  jump(code: number, label: Label, operands: Operands = {}): void {
    this.#jumps.push({ at: this.length, label });
    this.add(code, operands);
  }

  here(label: Label): void {
    label.at = this.length;
  }

  /** Where each instruction is in the kernel, about. */
  #kernelPlaces(): number[] {
    const places = [0];
    for (const { code } of this.#words)
      places.push((places.at(-1) ?? 0) + (isLoad(code) ? kernelInstructionsPerLoad : 1));
    return places;
  }

  /** Undefined when a jump would have to go too far. */
  bytes(): Uint8Array | undefined {
    const places = this.#kernelPlaces();
    for (const { at, label } of this.#jumps) {
      const word = this.#words[at];
      if (word === undefined || label.at === undefined) throw new Error('A jump has no destination');
      word.offset = label.at - at - 1;
      if (Math.abs((places[label.at] ?? 0) - (places[at] ?? 0)) > farthest) return undefined;
    }
    const bytes = Buffer.alloc(8 * this.length);
    for (const [index, { code, to, from, offset, k }] of this.#words.entries()) {
      const at = 8 * index;
      bytes.writeUInt8(code, at);
      bytes.writeUInt8(to | (from << 4), at + 1);
      bytes.writeInt16LE(offset, at + 2);
      bytes.writeUInt32LE(k, at + 4);
    }
    return bytes;
  }
}

/** Loads have the codes of classic BPF. */
function isLoad(code: number): boolean {
  return (code & 0x07) === 0x00;
}
