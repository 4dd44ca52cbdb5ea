import { type Instruction, opcode } from './classicBpf.ts';
import type { Node, Test } from './filterGraph.ts';

/**
 * A single test, or tests in turn that all ask whether a value is some number, and lead to one place if it is. The tests of
 * one value come together then, which matters only to frames that end in front of another one's.
 */
export interface Part {
  readonly first: Test;
  readonly values: readonly {
    readonly value: readonly Instruction[];
    /** In ascending order; undefined for the condition of a single test. */
    readonly numbers: readonly number[] | undefined;
  }[];
  readonly ifTo: Node;
  readonly elseTo: Node;
}

/** The parts of a graph, in the order of the program that it was made of: what follows is near, and behind. */
export function partsOf(first: Node): Part[] {
  const begins = beginsPart(first);
  const parts = new Map<Node, Part>();
  const open = [first];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if ('returns' in next || parts.has(next)) continue;
    const part = chainFrom(next, begins) ?? single(next);
    parts.set(next, part);
    open.push(part.ifTo, part.elseTo);
  }
  return [...parts.values()].toSorted((a, b) => a.first.place - b.first.place);
}

function single(test: Test): Part {
  const { value, ifTo, elseTo } = test;
  return { first: test, values: [{ value, numbers: undefined }], ifTo, elseTo };
}

const shortestChain = 4;

/** The chain that begins at a test; undefined when it is too short to be one. */
function chainFrom(first: Test, begins: (test: Test) => boolean): Part | undefined {
  const values = new Map<string, { value: readonly Instruction[]; numbers: Set<number> }>();
  let [length, at]: [number, Node] = [0, first];
  while (!('returns' in at) && isEquality(at) && at.ifTo === first.ifTo && (at === first || !begins(at))) {
    const key = at.value.map(({ code, k }) => `${code} ${k}`).join();
    const { value, numbers } = values.get(key) ?? { value: at.value, numbers: new Set() };
    values.set(key, { value, numbers: numbers.add(at.condition.k) });
    at = at.elseTo;
    length++;
  }
  if (length < shortestChain) return undefined;
  const sorted = [...values.values()].map(({ value, numbers }) => ({
    value,
    numbers: [...numbers].toSorted((a, b) => a - b),
  }));
  return { first, values: sorted, ifTo: first.ifTo, elseTo: at };
}

function isEquality({ condition }: Test): boolean {
  return condition.code === opcode.jumpEqual;
}

/** Whether a test is the first one, or is reached where another succeeds, or from more than one other. */
function beginsPart(first: Node): (test: Test) => boolean {
  const before = new Map<Node, number>([[first, 2]]);
  const open = [first];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if ('returns' in next) continue;
    for (const [to, count] of [
      [next.ifTo, 2],
      [next.elseTo, 1],
    ] as const) {
      if (!before.has(to)) open.push(to);
      before.set(to, (before.get(to) ?? 0) + count);
    }
  }
  return (test) => (before.get(test) ?? 0) > 1;
}
