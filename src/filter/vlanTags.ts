/**
 * Filters and VLAN tags. An expression is about the frame as it is on the wire, with its tags. Where the kernel classifies
 * packets, the outer tag is beside the frame as a rule, not in it: always on what is received, and on what is sent unless a
 * program wrote it into the frame. What stands behind it is 4 bytes nearer to the frame's beginning then.
 */

import { firstKnown, firstNegative, type Instruction, isJump, opcode, readOf } from './classicBpf.ts';
import { foldTagged } from './foldTagged.ts';
import { jumpBy, relocate } from './relocate.ts';

/** The bytes of a frame that its outer tag takes, the last excluded. */
const [tagStart, tagEnd] = [12, 16];
const tagBytes = tagEnd - tagStart;

/** What the kernel knows of the tag beside a frame: SKF_AD_VLAN_TAG, _PRESENT and _TPID. */
const known = { tag: firstKnown + 44, hasTag: firstKnown + 48, type: firstKnown + 60 };

/**
 * Makes of a program for whole frames one that says the same where the outer tag may be beside the frame.
 *
 * @returns undefined when that is not possible: the program reads some bytes of the tag along with others, or the
 *   frame's beginning at a place that it computes
 */
export function withTagBeside(program: readonly Instruction[]): Instruction[] | undefined {
  const hasTag = step(opcode.loadWord, known.hasTag);
  const folded = foldTagged(program);
  const verdict = verdictOnTags(folded);
  if (verdict !== undefined)
    return [hasTag, { code: opcode.jumpEqual, jumpIf: 1, jumpElse: 0, k: 0 }, verdict, ...program];
  if (folded.some((each) => each !== undefined && readBeside(each) === undefined)) return undefined;
  const beside = relocate(
    folded.map((each) => each ?? never),
    (each) => readBeside(each) ?? [],
  );
  return [
    hasTag,
    { code: opcode.jumpEqual, jumpIf: 0, jumpElse: 1, k: 0 },
    jumpBy(beside.length),
    ...beside,
    ...program,
  ];
}

/** The return of a program that says the same to every frame with a tag; undefined when it does not, or may not. */
function verdictOnTags(folded: readonly (Instruction | undefined)[]): Instruction | undefined {
  for (let at = 0; ; at++) {
    const each = folded[at];
    if (each === undefined || each.code === opcode.return) return each;
    if (each.code === opcode.jump) at += each.k;
    else if (isJump(each) || (readOf(each.code) !== undefined && each.k !== tagStart)) return undefined;
  }
}

/** What does the same as an instruction when the tag is beside the frame; undefined when nothing does. */
function readBeside(instruction: Instruction): Instruction[] | undefined {
  const { code, k } = instruction;
  if (code === opcode.loadLength) return [instruction, step(opcode.add, tagBytes)];
  if (code === opcode.loadXLength) return undefined;
  const read = readOf(code);
  if (read === undefined) return [instruction];
  if (k >= tagEnd) return k < firstNegative ? [{ ...instruction, k: k - tagBytes }] : undefined;
  if (read.atX) return undefined;
  if (k + read.bytes <= tagStart) return [instruction];
  if (code === opcode.loadHalf || code === opcode.loadByte) return readTag(k, read.bytes);
  return undefined;
}

/** Reads a field of the tag, or half of one. */
function readTag(at: number, bytes: number): Instruction[] | undefined {
  const field = step(opcode.loadWord, at < tagStart + 2 ? known.type : known.tag);
  const isFirst = at % 2 === 0;
  if (bytes === 2) return isFirst ? [field] : undefined;
  return [field, isFirst ? step(opcode.shiftRight, 8) : step(opcode.and, 0xff)];
}

/** Where no frame with a tag gets. */
const never: Instruction = { code: opcode.return, jumpIf: 0, jumpElse: 0, k: 0 };

function step(code: number, k: number): Instruction {
  return { code, jumpIf: 0, jumpElse: 0, k };
}
