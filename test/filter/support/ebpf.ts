import { compute, holds, type TagBeside } from './classicBpf.ts';

/** What a register holds: a number of 32 bits, the packet (struct __sk_buff), or nothing since the kernel was called. */
type Value = number | 'packet' | undefined;

const [packetRegister, frameRegister] = [6, 10];

/**
 * Runs a program of eBPF on a frame as the kernel does, and gives what it returns: 0 also where it reads beyond the frame. The
 * instructions are those that kokotap makes: arithmetic and conditions of 32 bits, loads from packet and stack.
 *
 * @throws Error where the kernel's verifier would refuse the program: a register or a place of the stack that holds nothing
 */
export function runEbpf(code: Uint8Array, frame: Buffer, tag?: TagBeside): number {
  const bytes = Buffer.from(code);
  const registers: Value[] = [undefined, 'packet'];
  const stack = new Map<number, number>();
  const numberOf = (register: number) => {
    const value = registers[register];
    if (typeof value !== 'number') throw new Error(`register ${register} holds ${value ?? 'nothing'}`);
    return value;
  };
  for (let at = 0; ; at++) {
    const word = bytes.subarray(8 * at, 8 * at + 8);
    const [operation, [to, from]] = [word.readUInt8(0), [word.readUInt8(1) & 0xf, word.readUInt8(1) >> 4]];
    const [offset, k] = [word.readInt16LE(2), word.readUInt32LE(4)];
    const operand = () => ((operation & 8) === 0 ? k : numberOf(from));
    if (operation === 0x95) return numberOf(0);
    switch (operation & 7) {
      case 0: {
        if (registers[packetRegister] !== 'packet') throw new Error('a load without the packet in R6');
        const start = k + ((operation & 0xe0) === 0x40 ? numberOf(from) : 0);
        const length = { 0x00: 4, 0x08: 2, 0x10: 1 }[operation & 0x18] ?? Infinity;
        if (start + length > frame.length) return 0;
        // A load is a call: it leaves nothing in R1 to R5.
        registers.fill(undefined, 1, 6);
        registers[0] = frame.readUIntBE(start, length);
        break;
      }
      case 1: {
        if (from !== frameRegister) registers[to] = fieldOf(offset, frame, tag);
        else registers[to] = stack.get(offset);
        if (registers[to] === undefined) throw new Error(`nothing is at ${offset} of register ${from}`);
        break;
      }
      case 3:
        if (to !== frameRegister || offset > -4 || offset < -512) throw new Error(`a store at ${offset}`);
        stack.set(offset, numberOf(from));
        break;
      case 4:
        if (operation === 0xb4 || operation === 0xbc) registers[to] = operand();
        else if (operation === 0xdc) registers[to] = swapped(numberOf(to));
        else registers[to] = compute(operation & 0xf0, numberOf(to), operand());
        break;
      case 5:
        at += offset;
        break;
      case 6:
        if (isTrue(operation & 0xf0, numberOf(to), operand())) at += offset;
        break;
      case 7:
        registers[to] = registers[from];
        break;
      default:
        throw new Error(`unknown instruction ${operation}`);
    }
  }
}

/** struct __sk_buff of linux/bpf.h: len, vlan_present, vlan_tci, and vlan_proto, which is as it is in the packet. */
function fieldOf(offset: number, frame: Buffer, tag: TagBeside | undefined): number | undefined {
  switch (offset) {
    case 0:
      return frame.length;
    case 20:
      return tag === undefined ? 0 : 1;
    case 24:
      return tag?.tci ?? 0;
    case 28:
      return swapped(tag?.type ?? 0);
    default:
      return undefined;
  }
}

function swapped(value: number): number {
  return ((value & 0xff) << 8) | ((value >> 8) & 0xff);
}

/** eBPF can also ask whether two numbers differ. */
function isTrue(condition: number, a: number, b: number): boolean {
  return condition === 0x50 ? a !== b : holds(condition, a, b);
}
