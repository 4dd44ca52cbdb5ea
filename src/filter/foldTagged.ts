import { holds, type Instruction, isJump, opcode } from './classicBpf.ts';
import { jumpBy } from './relocate.ts';

/** What is known of a register or a word of memory: a number, or that it is the frame's type. */
type Known = number | 'type' | undefined;

interface State {
  readonly a: Known;
  readonly x: Known;
  readonly memory: ReadonlyMap<number, Known>;
}

/** The type of a frame, in bytes from its beginning. */
const typeAt = 12;
/** The types of Ethernet that the kernel takes for tags. */
const tagTypes = [0x8100, 0x88a8];

/**
 * Makes a program shorter for frames of which is known that they have a tag: jumps that are certain then jump always, and
 * places that are computed of constants are fixed.
 *
 * @returns by place in the program; undefined where no such frame gets
 */
export function foldTagged(program: readonly Instruction[]): (Instruction | undefined)[] {
  const states: (State | undefined)[] = [{ a: undefined, x: undefined, memory: new Map() }];
  const reach = (at: number, state: State) => {
    const before = states[at];
    states[at] = before === undefined ? state : join(before, state);
  };
  return program.map((each, at) => {
    const state = states[at];
    if (state === undefined) return undefined;
    if (!isJump(each)) {
      if (!isReturn(each)) reach(at + 1, after(each, state));
      return fixed(each, state);
    }
    const isTrue = each.code === opcode.jump ? undefined : certain(each, state);
    if (each.code === opcode.jump) reach(at + 1 + each.k, state);
    else if (isTrue === undefined)
      for (const jump of [each.jumpIf, each.jumpElse]) reach(at + 1 + jump, state);
    else {
      const jump = isTrue ? each.jumpIf : each.jumpElse;
      reach(at + 1 + jump, state);
      return jumpBy(jump);
    }
    return each;
  });
}

function isReturn({ code }: Instruction): boolean {
  return (code & 0x07) === 0x06;
}

/** What is known of a value that is one of the two. */
function both(a: Known, b: Known): Known {
  return a === b ? a : undefined;
}

function join(one: State, other: State): State {
  const memory = [...one.memory].map(([at, value]) => [at, both(value, other.memory.get(at))] as const);
  return { a: both(one.a, other.a), x: both(one.x, other.x), memory: new Map(memory) };
}

function after({ code, k }: Instruction, state: State): State {
  switch (code) {
    case opcode.loadConstant:
      return { ...state, a: k };
    case opcode.loadXConstant:
      return { ...state, x: k };
    case opcode.loadMemory:
      return { ...state, a: state.memory.get(k) };
    case opcode.loadXMemory:
      return { ...state, x: state.memory.get(k) };
    case opcode.store:
      return { ...state, memory: new Map(state.memory).set(k, state.a) };
    case opcode.storeX:
      return { ...state, memory: new Map(state.memory).set(k, state.x) };
    case opcode.toX:
      return { ...state, x: state.a };
    case opcode.toA:
      return { ...state, a: state.x };
    case opcode.loadHalf:
      return { ...state, a: k === typeAt ? 'type' : undefined };
    default:
      return writesX(code) ? { ...state, x: undefined } : { ...state, a: undefined };
  }
}

function writesX(code: number): boolean {
  return (code & 0x07) === 0x01;
}

/** With the place that a load computes of a constant. */
function fixed(each: Instruction, { x }: State): Instruction {
  const isAtX =
    each.code === opcode.loadWordAtX || each.code === opcode.loadHalfAtX || each.code === opcode.loadByteAtX;
  if (!isAtX || typeof x !== 'number') return each;
  return { ...each, code: each.code - opcode.loadWordAtX + opcode.loadWord, k: (x + each.k) >>> 0 };
}

/** Whether a condition is true of all such frames, or of none; undefined when neither is certain. */
function certain(each: Instruction, { a }: State): boolean | undefined {
  if (a !== 'type') return undefined;
  const [first, ...others] = tagTypes.map((type) => holds(each, type));
  return others.every((other) => other === first) ? first : undefined;
}
