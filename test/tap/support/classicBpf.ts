/**
 * Runs a program of classic BPF, in tc's notation, on a frame as the kernel does, and gives what it returns: 0 also
 * where it reads beyond the frame. The instructions are those that tcpdump and kokotap make.
 */
export function runClassicBpf(program: string, frame: Buffer): number {
  const [length, ...instructions] = program.split(',').map((text) => text.split(' ').map(Number));
  if (length?.[0] !== instructions.length) throw new Error(`not as long as it says: ${program}`);
  let [a, x, at] = [0, 0, 0];
  const memory: number[] = [];
  const load = (offset: number, bytes: number) => {
    if (offset + bytes > frame.length) at = Infinity;
    else a = frame.readUIntBE(offset, bytes);
  };
  while (at < instructions.length) {
    const [code = 0, jumpIf = 0, jumpElse = 0, k = 0] = instructions[at] ?? [];
    at++;
    const jump = (isTrue: boolean) => {
      at += isTrue ? jumpIf : jumpElse;
    };
    // The codes of linux/bpf_common.h.
    if (code === 0x20) load(k, 4);
    else if (code === 0x28) load(k, 2);
    else if (code === 0x30) load(k, 1);
    else if (code === 0x40) load(x + k, 4);
    else if (code === 0x48) load(x + k, 2);
    else if (code === 0x50) load(x + k, 1);
    else if (code === 0x00) a = k;
    else if (code === 0x01) x = k;
    else if (code === 0x60) a = memory[k] ?? 0;
    else if (code === 0x61) x = memory[k] ?? 0;
    else if (code === 0x02) memory[k] = a;
    else if (code === 0x03) memory[k] = x;
    else if (code === 0x07) x = a;
    else if (code === 0x87) a = x;
    else if (code === 0x04) a += k;
    else if (code === 0x0c) a += x;
    else if (code === 0x54) a &= k;
    else if (code === 0xb1) x = ((frame[k] ?? 0) & 0xf) * 4;
    else if (code === 0x05) at += k;
    else if (code === 0x15) jump(a === k);
    else if (code === 0x25) jump(a > k);
    else if (code === 0x35) jump(a >= k);
    else if (code === 0x45) jump((a & k) !== 0);
    else if (code === 0x06) return k;
    else throw new Error(`unknown instruction ${code}`);
  }
  return 0;
}
