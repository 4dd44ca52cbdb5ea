import { type Instruction, isJump, opcode } from './classicBpf.ts';

/** The farthest that a conditional jump of classic BPF goes, in instructions. */
const farthest = 255;

/**
 * Puts other instructions in place of some, however many, and has all jumps still go where they went.
 *
 * @param replace what comes in place of an instruction that is no jump
 */
export function relocate(
  program: readonly Instruction[],
  replace: (instruction: Instruction) => readonly Instruction[],
): Instruction[] {
  const pieces = program.map((each) => (isJump(each) ? [each] : replace(each)));
  /** Conditional jumps that need two more instructions to get as far as they go. */
  const far = new Set<number>();
  for (;;) {
    const starts = startsOf(pieces.map((piece, at) => (far.has(at) ? 3 : piece.length)));
    const distance = (at: number, jump: number) => (starts[at + 1 + jump] ?? 0) - (starts[at] ?? 0) - 1;
    const tooFar = program.findIndex(
      (each, at) =>
        isConditional(each) &&
        !far.has(at) &&
        [each.jumpIf, each.jumpElse].some((jump) => distance(at, jump) > farthest),
    );
    if (tooFar !== -1) {
      far.add(tooFar);
      continue;
    }
    return pieces.flatMap((piece, at) => {
      const [each] = piece;
      if (each === undefined || !isJump(each)) return piece;
      if (!isConditional(each)) return [{ ...each, k: distance(at, each.k) }];
      const [jumpIf, jumpElse] = [distance(at, each.jumpIf), distance(at, each.jumpElse)];
      if (!far.has(at)) return [{ ...each, jumpIf, jumpElse }];
      return [{ ...each, jumpIf: 0, jumpElse: 1 }, jumpBy(jumpIf - 1), jumpBy(jumpElse - 2)];
    });
  }
}

export function jumpBy(k: number): Instruction {
  return { code: opcode.jump, jumpIf: 0, jumpElse: 0, k };
}

function isConditional(instruction: Instruction): boolean {
  return isJump(instruction) && instruction.code !== opcode.jump;
}

/** Where each piece begins, and where all end. */
function startsOf(lengths: readonly number[]): number[] {
  const starts = [0];
  for (const length of lengths) starts.push((starts.at(-1) ?? 0) + length);
  return starts;
}
