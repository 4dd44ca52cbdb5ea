/**
 * Translates a filter to eBPF, for those that classic BPF has no room for. Where a value is compared with many numbers in
 * turn, as the addresses of a thousand hosts are, the number is searched by halves: ten comparisons in place of a thousand.
 */

import { type Instruction, opcode } from './classicBpf.ts';
import { EbpfAssembler, type Label } from './ebpfAssembler.ts';
import { divides, ebpf, keptAt, register, writeStatement } from './ebpfStatements.ts';
import { type Part, partsOf } from './filterChains.ts';
import type { Node, Test } from './filterGraph.ts';
import { KeptLoads } from './keptLoads.ts';

/**
 * The code of a filter's program; undefined when it is too long.
 *
 * @param returning what it returns in place of what the filter does
 */
export function ebpfFilter(
  first: Node,
  returning: (value: number) => number = (value) => value,
): Uint8Array | undefined {
  return new Writer(first, returning).bytes();
}

/** So many comparisons in turn are as fast as a search. */
const leafSize = 4;
/** Returns stand so near that jumps get there. */
const returnsEvery = 1000;

class Writer {
  readonly #program = new EbpfAssembler();
  readonly #labels = new Map<Node, Label>();
  readonly #kept: KeptLoads;
  /** Those that are still to be written, for the jumps in front of them. */
  #returns = new Map<number, Label>();
  #returnsWrittenAt = 0;
  readonly #returning: (value: number) => number;

  constructor(first: Node, returning: (value: number) => number) {
    this.#returning = returning;
    const program = this.#program;
    const parts = partsOf(first);
    this.#kept = new KeptLoads(parts);
    program.add(ebpf.move64, { to: register.packet, from: register.context });
    program.add(ebpf.moveConstant, { to: register.a });
    program.add(ebpf.moveConstant, { to: register.x });
    program.jump(ebpf.jump, this.#labelOf(first));
    for (const part of parts) {
      if (program.length - this.#returnsWrittenAt > returnsEvery) this.#writeReturns();
      program.here(this.#labelOf(part.first));
      this.#writePart(part);
      program.jump(ebpf.jump, this.#labelOf(part.elseTo));
    }
    this.#writeReturns();
  }

  bytes(): Uint8Array | undefined {
    return this.#program.bytes();
  }

  #labelOf(node: Node): Label {
    if ('returns' in node) return this.#returnLabel(node.returns);
    const label = this.#labels.get(node) ?? { at: undefined };
    this.#labels.set(node, label);
    return label;
  }

  #returnLabel(k: number): Label {
    const label = this.#returns.get(k) ?? { at: undefined };
    this.#returns.set(k, label);
    return label;
  }

  #writePart(part: Part): void {
    const found = this.#labelOf(part.ifTo);
    this.#kept.enter(part);
    for (const { value, numbers } of part.values) {
      this.#writeValue(value);
      this.#kept.leadsTo(part.ifTo);
      if (numbers === undefined) {
        this.#writeCondition(part.first.condition, found);
        continue;
      }
      const notFound: Label = { at: undefined };
      this.#writeSearch(numbers, found, notFound);
      this.#program.here(notFound);
    }
    this.#kept.leadsTo(part.elseTo);
  }

  #writeValue(value: readonly Instruction[]): void {
    for (const [index, each] of value.entries()) {
      const kept = index === 0 ? this.#kept.slotOf(each) : undefined;
      const offset = kept === undefined ? 0 : keptAt(kept.slot);
      if (kept?.isMade === true) {
        this.#program.add(ebpf.load, { to: register.a, from: register.frame, offset });
        continue;
      }
      if (divides(each)) this.#writeZeroCheck();
      writeStatement(this.#program, each);
      if (kept !== undefined) this.#program.add(ebpf.store, { to: register.frame, from: register.a, offset });
    }
  }

  #writeZeroCheck(): void {
    const isDivisor: Label = { at: undefined };
    this.#program.jump(ebpf.jumpNotEqual, isDivisor, { to: register.x });
    this.#program.jump(ebpf.jump, this.#returnLabel(0));
    this.#program.here(isDivisor);
  }

  /** @param numbers in ascending order */
  #writeSearch(numbers: readonly number[], found: Label, notFound: Label): void {
    if (numbers.length <= leafSize) {
      for (const k of numbers) this.#writeCondition({ code: opcode.jumpEqual, k }, found);
      this.#program.jump(ebpf.jump, notFound);
      return;
    }
    const middle = numbers.length >> 1;
    const upper: Label = { at: undefined };
    this.#writeCondition({ code: opcode.jumpNotLess, k: numbers[middle] ?? 0 }, upper);
    this.#writeSearch(numbers.slice(0, middle), found, notFound);
    this.#program.here(upper);
    this.#writeSearch(numbers.slice(middle), found, notFound);
  }

  /** The codes of conditions are those of classic BPF, in another class. */
  #writeCondition({ code, k }: Test['condition'], label: Label): void {
    const operand = (code & 0x08) === 0 ? { k } : { from: register.x };
    this.#program.jump((code & 0xf8) | ebpf.conditions, label, { to: register.a, ...operand });
  }

  /** Behind a jump, so that nothing runs into them. */
  #writeReturns(): void {
    for (const [k, label] of this.#returns) {
      this.#program.here(label);
      this.#program.add(ebpf.moveConstant, { to: register.a, k: this.#returning(k) });
      this.#program.add(ebpf.exit, {});
    }
    this.#returns = new Map();
    this.#returnsWrittenAt = this.#program.length;
  }
}
