/** Statements of classic BPF in eBPF. A is in R0 and X in R7; R6 is the packet, as loads from it demand. */

import { firstKnown, type Instruction, opcode } from './classicBpf.ts';
import type { EbpfAssembler, Operands } from './ebpfAssembler.ts';

export const register = { a: 0, context: 1, packet: 6, x: 7, spare: 8, frame: 10 } as const;

/** Codes of linux/bpf.h that classic BPF does not have. */
export const ebpf = {
  moveConstant: 0xb4,
  move: 0xbc,
  move64: 0xbf,
  load: 0x61,
  store: 0x63,
  toBigEndian: 0xdc,
  conditions: 0x06,
  jump: 0x05,
  jumpNotEqual: 0x56,
  exit: 0x95,
} as const;

/** Where struct __sk_buff has what classic BPF has elsewhere. */
const lengthField = 0;
const vlanTypeField = 28;
const fields = new Map([
  [firstKnown + 44, 24],
  [firstKnown + 48, 20],
  [firstKnown + 60, vlanTypeField],
]);

const memoryWords = 16;

/** Writes what does the same as a statement. Arithmetic and loads from the packet have the codes that they have there. */
export function writeStatement(program: EbpfAssembler, { code, k }: Instruction): void {
  const { a, x, packet, frame, spare } = register;
  const add = (operation: number, operands: Operands) => program.add(operation, operands);
  switch (code) {
    case opcode.loadConstant:
      return add(ebpf.moveConstant, { to: a, k });
    case opcode.loadXConstant:
      return add(ebpf.moveConstant, { to: x, k });
    case opcode.toX:
      return add(ebpf.move, { to: x, from: a });
    case opcode.toA:
      return add(ebpf.move, { to: a, from: x });
    case opcode.loadMemory:
      return add(ebpf.load, { to: a, from: frame, offset: wordAt(k) });
    case opcode.loadXMemory:
      return add(ebpf.load, { to: x, from: frame, offset: wordAt(k) });
    case opcode.store:
      return add(ebpf.store, { to: frame, from: a, offset: wordAt(k) });
    case opcode.storeX:
      return add(ebpf.store, { to: frame, from: x, offset: wordAt(k) });
    case opcode.loadLength:
      return add(ebpf.load, { to: a, from: packet, offset: lengthField });
    case opcode.loadWordAtX:
    case opcode.loadHalfAtX:
    case opcode.loadByteAtX:
      return add(code, { from: x, k });
    case opcode.loadWord:
    case opcode.loadHalf:
    case opcode.loadByte:
      return writeLoad(program, code, k);
    case opcode.loadXHeaderLength:
      add(ebpf.move, { to: spare, from: a });
      add(opcode.loadByte, { k });
      add(opcode.and, { to: a, k: 0xf });
      add(opcode.shiftLeft, { to: a, k: 2 });
      add(ebpf.move, { to: x, from: a });
      return add(ebpf.move, { to: a, from: spare });
    default:
      if (!isArithmetic(code)) throw new Error(`The statement ${code} of classic BPF is not known`);
      return add(code, (code & 0x08) === 0 ? { to: a, k } : { to: a, from: x });
  }
}

function writeLoad(program: EbpfAssembler, code: number, k: number): void {
  const offset = fields.get(k);
  if (offset === undefined) return program.add(code, { k });
  program.add(ebpf.load, { to: register.a, from: register.packet, offset });
  if (offset === vlanTypeField) program.add(ebpf.toBigEndian, { to: register.a, k: 16 });
}

function isArithmetic(code: number): boolean {
  return (code & 0x07) === 0x04;
}

/** By X, of which only the packet says whether it is 0: classic BPF returns 0 then. */
export function divides({ code }: Instruction): boolean {
  return code === 0x3c || code === 0x9c;
}

/** Where a word of classic BPF's memory is on the stack. */
function wordAt(k: number): number {
  return -4 * (k + 1);
}

/** Where what a load gave is kept on the stack. */
export function keptAt(slot: number): number {
  return wordAt(memoryWords + slot);
}
