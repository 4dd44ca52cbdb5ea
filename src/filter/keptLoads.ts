import { firstKnown, type Instruction, opcode } from './classicBpf.ts';
import type { Part } from './filterChains.ts';
import type { Node } from './filterGraph.ts';

/** On the stack, behind what classic BPF has for memory. */
const maxKept = 64;

/**
 * Which loads from the packet need not be made again, for whatever leads to a test has made them before and kept what they
 * gave: a load takes ten times as long as to read that.
 */
export class KeptLoads {
  readonly #slots = new Map<string, number>();
  readonly #madeBefore = new Map<Node, ReadonlySet<string>>();
  #made = new Set<string>();

  constructor(parts: readonly Part[]) {
    const uses = new Map<string, number>();
    for (const { values } of parts)
      for (const { value } of values) {
        const key = keyOf(value[0]);
        if (key !== undefined) uses.set(key, (uses.get(key) ?? 0) + 1);
      }
    const repeated = [...uses].filter(([, count]) => count > 1).toSorted(([, a], [, b]) => b - a);
    for (const [slot, [key]] of repeated.slice(0, maxKept).entries()) this.#slots.set(key, slot);
  }

  /** To be called of each part in its order, so that all that lead to it came before. */
  enter({ first }: Part): void {
    this.#made = new Set(this.#madeBefore.get(first));
  }

  /** What has been loaded until here is there at a node too, if it is there on every other way to it. */
  leadsTo(node: Node): void {
    const before = this.#madeBefore.get(node);
    this.#madeBefore.set(node, new Set([...this.#made].filter((key) => before?.has(key) ?? true)));
  }

  /** Where what a load gives is kept; undefined when it is not to be kept. */
  slotOf(load: Instruction): { readonly slot: number; readonly isMade: boolean } | undefined {
    const key = keyOf(load);
    const slot = key === undefined ? undefined : this.#slots.get(key);
    if (key === undefined || slot === undefined) return undefined;
    const isMade = this.#made.has(key);
    this.#made.add(key);
    return { slot, isMade };
  }
}

/** Of a load of bytes at a fixed place; what the kernel knows beside them is read as fast. */
function keyOf(each: Instruction | undefined): string | undefined {
  if (each === undefined || each.k >= firstKnown) return undefined;
  const isLoad =
    each.code === opcode.loadWord || each.code === opcode.loadHalf || each.code === opcode.loadByte;
  return isLoad ? `${each.code} ${each.k}` : undefined;
}
