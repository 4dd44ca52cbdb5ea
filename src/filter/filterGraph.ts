/** Classic BPF as a graph of tests, made shorter: what the packet is known to be is not tested again. */

import { holds, type Instruction, isJump, opcode } from './classicBpf.ts';
import { type Block, blocksOf } from './filterBlocks.ts';

/** A test of a packet, or the end. */
export type Node = Test | { readonly returns: number };

/** Computes a value from the packet, and goes where a condition of that value says. */
export interface Test {
  /** In the program. */
  readonly place: number;
  /** Instructions that leave the value in A; they depend on nothing that was computed before. */
  readonly value: readonly Instruction[];
  readonly condition: Pick<Instruction, 'code' | 'k'>;
  ifTo: Node;
  elseTo: Node;
}

/** A value of which more conditions are asked is not remembered: the addresses of hosts have one each. */
const maxConditions = 8;
/** So many values are remembered, or fewer where the graph would get too large: each can double it. */
const remembering = [16, 4, 0];

/**
 * Makes the graph of a program that was compiled without optimization, so that each test loads what it looks at.
 *
 * @returns where it begins; undefined when the program is not of that kind
 */
export function filterGraph(program: readonly Instruction[]): Node | undefined {
  const blocks = blocksOf(program);
  if (blocks === undefined) return undefined;
  const most = 10_000 + 8 * blocks.size;
  for (const count of remembering) {
    const graph = graphOf(blocks, rememberedValues(blocks, count), count === 0 ? Infinity : most);
    if (graph !== undefined) return graph;
  }
  return undefined;
}

/** Undefined when it would have too many nodes. */
function graphOf(
  blocks: ReadonlyMap<number, Block>,
  remembered: ReadonlySet<string>,
  mostNodes: number,
): Node | undefined {
  const made = new Map<string, Node>();
  const open: (() => void)[] = [];

  /** The node at a block, for packets of which some facts are known. */
  const nodeAt = (start: number, known: Facts): Node => {
    let [at, facts] = [start, known];
    for (;;) {
      const block = blocks.get(at);
      if (block === undefined) throw new Error(`The filter jumps to ${at}, where no instruction is`);
      if (block.end.code === opcode.return) return endOf(block.end.k);
      const isTrue = facts.of(block);
      if (isTrue === undefined) return testAt(at, block, facts);
      at = isTrue ? block.ifTo : block.elseTo;
    }
  };
  const endOf = (returns: number): Node => {
    const key = `return ${returns}`;
    const node = made.get(key) ?? { returns };
    made.set(key, node);
    return node;
  };
  const testAt = (at: number, block: Block, facts: Facts): Node => {
    const key = `${at} ${facts.key}`;
    const found = made.get(key);
    if (found !== undefined) return found;
    const { value, end } = block;
    const nowhere = endOf(0);
    const node: Test = {
      place: at,
      value,
      condition: { code: end.code, k: end.k },
      ifTo: nowhere,
      elseTo: nowhere,
    };
    made.set(key, node);
    open.push(() => {
      const isRemembered = remembered.has(block.valueKey);
      node.ifTo = nodeAt(block.ifTo, isRemembered ? facts.with(block, true) : facts);
      node.elseTo = nodeAt(block.elseTo, isRemembered ? facts.with(block, false) : facts);
    });
    return node;
  };

  const first = nodeAt(0, noFacts);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (made.size > mostNodes) return undefined;
    next();
  }
  return first;
}

/** Whether there is a packet that the filter may match. */
export function matchesAnything(first: Node): boolean {
  const seen = new Set<Node>([first]);
  for (const node of seen) {
    if (!('returns' in node)) seen.add(node.ifTo).add(node.elseTo);
    else if (node.returns !== 0) return true;
  }
  return false;
}

/** What tests that a packet went through say of some values. */
class Facts {
  readonly key: string;
  readonly #outcomes: ReadonlyMap<string, ReadonlyMap<string, boolean>>;

  constructor(outcomes: ReadonlyMap<string, ReadonlyMap<string, boolean>>) {
    this.#outcomes = outcomes;
    this.key = [...outcomes]
      .map(
        ([value, each]) =>
          `${value}: ${[...each]
            .map((one) => one.join('='))
            .toSorted()
            .join()}`,
      )
      .toSorted()
      .join('; ');
  }

  /** Whether a block's condition is true; undefined when that is not known. */
  of({ valueKey, end }: Block): boolean | undefined {
    const outcomes = this.#outcomes.get(valueKey);
    const known = outcomes?.get(conditionKey(end));
    if (known !== undefined || outcomes === undefined) return known;
    const equal = [...outcomes].find(([condition, isTrue]) => isTrue && condition.startsWith(equalTo));
    return equal === undefined ? undefined : holds(end, Number(equal[0].slice(equalTo.length)));
  }

  /** With what a block's condition came to. Of a value that is known nothing else need be. */
  with({ valueKey, end }: Block, isTrue: boolean): Facts {
    const isKnown = isTrue && end.code === opcode.jumpEqual;
    const before = isKnown ? undefined : this.#outcomes.get(valueKey);
    const outcomes = new Map(before).set(conditionKey(end), isTrue);
    return new Facts(new Map(this.#outcomes).set(valueKey, outcomes));
  }
}

const noFacts = new Facts(new Map());
const equalTo = `${opcode.jumpEqual} `;

function conditionKey({ code, k }: Instruction): string {
  return `${code} ${k}`;
}

/** The values that most blocks ask few conditions of, but more than one does. */
function rememberedValues(blocks: ReadonlyMap<number, Block>, most: number): Set<string> {
  const asked = new Map<string, { readonly conditions: Set<string>; count: number }>();
  for (const { valueKey, end } of blocks.values()) {
    if (!isJump(end)) continue;
    const found = asked.get(valueKey) ?? { conditions: new Set(), count: 0 };
    found.conditions.add(conditionKey(end));
    found.count++;
    asked.set(valueKey, found);
  }
  const repeated = [...asked].filter(
    ([, { conditions, count }]) => conditions.size <= maxConditions && count > 1,
  );
  return new Set(
    repeated
      .toSorted(([, a], [, b]) => b.count - a.count)
      .slice(0, most)
      .map(([key]) => key),
  );
}
