/** The outer VLAN tag of a frame, which the kernel has beside it. */
export interface TagBeside {
  readonly type: number;
  readonly tci: number;
}

/**
 * Runs a program of classic BPF, in tc's notation, on a frame as the kernel does, and gives what it returns: 0 also
 * where it reads beyond the frame. The instructions are those that tcpdump and kokotap make.
 */
export function runClassicBpf(program: string, frame: Buffer, tag?: TagBeside): number {
  const [length, ...instructions] = program.split(',').map((text) => text.split(' ').map(Number));
  if (length?.[0] !== instructions.length) throw new Error(`not as long as it says: ${program}`);
  let [a, x, at] = [0, 0, 0];
  const memory: number[] = [];
  const load = (offset: number, bytes: number) => {
    const known = knownOf(offset, tag);
    if (known === undefined && offset + bytes > frame.length) at = Infinity;
    else a = known ?? frame.readUIntBE(offset, bytes);
  };
  while (at < instructions.length) {
    const [code = 0, jumpIf = 0, jumpElse = 0, k = 0] = instructions[at] ?? [];
    at++;
    const operand = (code & 8) === 0 ? k : x;
    // The codes of linux/bpf_common.h.
    if (code === 0x20) load(k, 4);
    else if (code === 0x28) load(k, 2);
    else if (code === 0x30) load(k, 1);
    else if (code === 0x40) load(x + k, 4);
    else if (code === 0x48) load(x + k, 2);
    else if (code === 0x50) load(x + k, 1);
    else if (code === 0x80) a = frame.length;
    else if (code === 0x00) a = k;
    else if (code === 0x01) x = k;
    else if (code === 0x60) a = memory[k] ?? 0;
    else if (code === 0x61) x = memory[k] ?? 0;
    else if (code === 0x02) memory[k] = a;
    else if (code === 0x03) memory[k] = x;
    else if (code === 0x07) x = a;
    else if (code === 0x87) a = x;
    else if (code === 0xb1) {
      const before = a;
      load(k, 1);
      [a, x] = [before, (a & 0xf) * 4];
    } else if (code === 0x05) at += k;
    else if ((code & 7) === 5) at += holds(code & 0xf0, a, operand) ? jumpIf : jumpElse;
    else if (isDivision(code) && operand === 0) return 0;
    else if ((code & 7) === 4) a = compute(code & 0xf0, a, operand);
    else if (code === 0x06) return k;
    else throw new Error(`unknown instruction ${code}`);
  }
  return 0;
}

/** What the kernel knows beside the frame: SKF_AD_OFF and SKF_AD_VLAN_TAG, _PRESENT, _TPID. */
function knownOf(offset: number, tag: TagBeside | undefined): number | undefined {
  switch (offset - 0xffff_f000) {
    case 44:
      return tag?.tci ?? 0;
    case 48:
      return tag === undefined ? 0 : 1;
    case 60:
      return tag?.type ?? 0;
    default:
      return undefined;
  }
}

/** By 0 the kernel ends the program. */
function isDivision(code: number): boolean {
  return (code & 7) === 4 && [0x30, 0x90].includes(code & 0xf0);
}

/** Whether a condition of 32 bits holds; its code is that of classic BPF and of eBPF. */
export function holds(condition: number, a: number, b: number): boolean {
  switch (condition) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0;
    default:
      throw new Error(`unknown condition ${condition}`);
  }
}

/** An operation on unsigned numbers of 32 bits; its code is that of classic BPF and of eBPF. A divisor is not 0. */
export function compute(operation: number, a: number, b: number): number {
  switch (operation) {
    case 0x00:
      return (a + b) >>> 0;
    case 0x10:
      return (a - b) >>> 0;
    case 0x20:
      return Math.imul(a, b) >>> 0;
    case 0x30:
      return Math.trunc(a / b);
    case 0x40:
      return (a | b) >>> 0;
    case 0x90:
      return a % b;
    case 0xa0:
      return (a ^ b) >>> 0;
    case 0x50:
      return (a & b) >>> 0;
    case 0x60:
      return (a << b) >>> 0;
    case 0x70:
      return a >>> b;
    default:
      throw new Error(`unknown operation ${operation}`);
  }
}
