/** Programs of classic BPF, as instructions and in tc's notation (`count,code jt jf k,…`). */

/** As struct sock_filter has it; jumps are relative, `k` is unsigned. */
export interface Instruction {
  readonly code: number;
  readonly jumpIf: number;
  readonly jumpElse: number;
  readonly k: number;
}

/** Codes of linux/bpf_common.h and linux/filter.h. */
export const opcode = {
  loadWord: 0x20,
  loadHalf: 0x28,
  loadByte: 0x30,
  loadWordAtX: 0x40,
  loadHalfAtX: 0x48,
  loadByteAtX: 0x50,
  loadConstant: 0x00,
  loadXConstant: 0x01,
  loadMemory: 0x60,
  loadXMemory: 0x61,
  store: 0x02,
  storeX: 0x03,
  toX: 0x07,
  toA: 0x87,
  loadLength: 0x80,
  loadXLength: 0x81,
  /** X = 4 * (byte & 15): the length of an IPv4 header. */
  loadXHeaderLength: 0xb1,
  jump: 0x05,
  jumpEqual: 0x15,
  jumpGreater: 0x25,
  jumpNotLess: 0x35,
  jumpAnyBit: 0x45,
  return: 0x06,
  returnA: 0x16,
  add: 0x04,
  shiftLeft: 0x64,
  shiftRight: 0x74,
  and: 0x54,
} as const;

/** Offsets from here on are no places in the packet, but what the kernel knows of it (SKF_AD_OFF, -0x1000). */
export const firstKnown = 0xffff_f000;
/** From here on the kernel takes an offset for negative. */
export const firstNegative = 0x8000_0000;

export function parseProgram(program: string): Instruction[] {
  return program
    .split(',')
    .slice(1)
    .map((text) => {
      const [code = 0, jumpIf = 0, jumpElse = 0, k = 0] = text.split(' ').map(Number);
      return { code, jumpIf, jumpElse, k };
    });
}

export function formatProgram(program: readonly Instruction[]): string {
  const lines = program.map(({ code, jumpIf, jumpElse, k }) => `${code} ${jumpIf} ${jumpElse} ${k}`);
  return [program.length, ...lines].join(',');
}

export function isJump({ code }: Instruction): boolean {
  return (code & 0x07) === 0x05;
}

/** Loads from the packet at a fixed place, or of what the kernel knows of it. */
function isFixedLoad({ code }: Instruction): boolean {
  return (
    code === opcode.loadWord ||
    code === opcode.loadHalf ||
    code === opcode.loadByte ||
    code === opcode.loadXHeaderLength
  );
}

/** Whether it reads what the kernel knows of a packet beside its bytes. */
export function readsKnown(instruction: Instruction): boolean {
  return isFixedLoad(instruction) && instruction.k >= firstKnown;
}

/** Whether it jumps back, as no program that the kernel takes does. */
export function jumpsBack({ code, k }: Instruction): boolean {
  return code === opcode.jump && k >= firstNegative;
}

/** How many bytes of the packet an instruction reads, and whether at a computed place; undefined when it reads none. */
export function readOf(code: number): { readonly bytes: number; readonly atX: boolean } | undefined {
  switch (code) {
    case opcode.loadWord:
    case opcode.loadWordAtX:
      return { bytes: 4, atX: code === opcode.loadWordAtX };
    case opcode.loadHalf:
    case opcode.loadHalfAtX:
      return { bytes: 2, atX: code === opcode.loadHalfAtX };
    case opcode.loadByte:
    case opcode.loadByteAtX:
      return { bytes: 1, atX: code === opcode.loadByteAtX };
    case opcode.loadXHeaderLength:
      return { bytes: 1, atX: false };
    default:
      return undefined;
  }
}

/** Whether the condition of a jump is true of a value; undefined where it compares with X. */
export function holds({ code, k }: Pick<Instruction, 'code' | 'k'>, value: number): boolean | undefined {
  switch (code) {
    case opcode.jumpEqual:
      return value === k;
    case opcode.jumpGreater:
      return value > k;
    case opcode.jumpNotLess:
      return value >= k;
    case opcode.jumpAnyBit:
      return (value & k) !== 0;
    default:
      return undefined;
  }
}
