import { type Instruction, isJump, opcode, readOf, readsKnown } from './classicBpf.ts';

/** A part of the program that has one beginning and ends in a jump or return. */
export interface Block {
  readonly value: readonly Instruction[];
  readonly valueKey: string;
  readonly end: Instruction;
  readonly ifTo: number;
  readonly elseTo: number;
}

/** By the place where each begins; undefined when a block needs what another one computed. */
export function blocksOf(program: readonly Instruction[]): Map<number, Block> | undefined {
  const starts = new Set([0]);
  for (const [at, each] of program.entries()) {
    if (each.code === opcode.jump) starts.add(at + 1 + each.k);
    else if (isJump(each)) for (const jump of [each.jumpIf, each.jumpElse]) starts.add(at + 1 + jump);
  }
  /** Where who goes to a place comes to a test: a jump without a condition, and what is read in front of it, is none. */
  const destination = (at: number): number => {
    let jumpAt = at;
    for (let each = program[at]; each !== undefined && readsKnown(each); each = program[jumpAt]) jumpAt++;
    const jump = program[jumpAt];
    return jump?.code === opcode.jump ? destination(jumpAt + 1 + jump.k) : at;
  };
  const blocks = new Map<number, Block>();
  for (const start of starts) {
    const from = destination(start);
    if (from !== start && start !== 0) continue;
    let endAt = from;
    while (endAt < program.length && !isEnd(program[endAt])) endAt++;
    const end = program[endAt];
    const value = program.slice(from, endAt);
    if (
      end === undefined ||
      end.code === opcode.jump ||
      end.code === opcode.returnA ||
      !isSelfContained(value, end)
    )
      return undefined;
    const [ifTo, elseTo] = [end.jumpIf, end.jumpElse].map((jump) => destination(endAt + 1 + jump));
    const valueKey = value.map(({ code, k }) => `${code} ${k}`).join();
    blocks.set(start, { value, valueKey, end, ifTo: ifTo ?? 0, elseTo: elseTo ?? 0 });
  }
  return blocks;
}

function isEnd(each: Instruction | undefined): boolean {
  return each !== undefined && (isJump(each) || (each.code & 0x07) === 0x06);
}

/** Whether a block reads nothing that it has not written itself. */
function isSelfContained(value: readonly Instruction[], end: Instruction): boolean {
  const written = new Set<string>();
  return [...value, end].every((each) => {
    const { reads, writes } = effects(each);
    const isFine = reads.every((one) => written.has(one));
    for (const one of writes) written.add(one);
    return isFine;
  });
}

interface Effects {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

function effects(each: Instruction): Effects {
  const { code, k } = each;
  const memory = `memory ${k}`;
  switch (code) {
    case opcode.loadMemory:
      return { reads: [memory], writes: ['a'] };
    case opcode.loadXMemory:
      return { reads: [memory], writes: ['x'] };
    case opcode.store:
      return { reads: ['a'], writes: [memory] };
    case opcode.storeX:
      return { reads: ['x'], writes: [memory] };
    case opcode.toX:
      return { reads: ['a'], writes: ['x'] };
    case opcode.toA:
      return { reads: ['x'], writes: ['a'] };
    case opcode.return:
    case opcode.jump:
      return { reads: [], writes: [] };
    default:
      return computed(each);
  }
}

/** Of loads, arithmetic and conditions, told by the class of the code. */
function computed(each: Instruction): Effects {
  const { code } = each;
  const operand = (code & 0x08) === 0 ? [] : ['x'];
  switch (code & 0x07) {
    case 0x00:
      return { reads: readOf(code)?.atX === true ? ['x'] : [], writes: ['a'] };
    case 0x01:
      return { reads: [], writes: ['x'] };
    case 0x04:
      return { reads: ['a', ...operand], writes: ['a'] };
    default:
      return { reads: ['a', ...operand], writes: [] };
  }
}
