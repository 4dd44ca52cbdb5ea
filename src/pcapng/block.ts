/**
 * Blocks and options as the pcapng format has them (IETF draft-ietf-opsawg-pcapng): a block begins and ends with its
 * length, an option with its code and length, and all are filled up to 32 bits. Everything is little-endian here.
 */

/** An option of a block: its code, and its value. */
export type Option = readonly [code: number, value: Uint8Array];

/** Bytes of a block without what is in it: type, and its length twice. */
export const BLOCK_OVERHEAD = 12;

/** A whole block. */
export function block(type: number, body: Uint8Array, options: readonly Option[]): Buffer {
  const tail = optionList(options);
  const bytes = BLOCK_OVERHEAD + padded(body.length) + tail.length;
  const whole = Buffer.alloc(bytes);
  whole.writeUInt32LE(type, 0);
  whole.writeUInt32LE(bytes, 4);
  whole.set(body, 8);
  whole.set(tail, 8 + padded(body.length));
  whole.writeUInt32LE(bytes, bytes - 4);
  return whole;
}

/** Bytes up to the next multiple of 4. */
export function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}

/** An option whose value is text; none for text that is not given. */
export function text(code: number, value: string | undefined): Option[] {
  return value === undefined || value === '' ? [] : [[code, shortened(Buffer.from(value))]];
}

/** An option whose value is a number of 64 bits. */
export function count(code: number, value: number): Option {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return [code, bytes];
}

/** An option has 16 bits for its length. A character that would be cut in two is left out. */
function shortened(value: Buffer): Buffer {
  if (value.length <= MOST_OPTION_BYTES) return value;
  let end = MOST_OPTION_BYTES;
  while (((value[end] ?? 0) & 0xc0) === 0x80) end--;
  return value.subarray(0, end);
}

const MOST_OPTION_BYTES = 0xffff;

/** No list at all where there is no option; else the options and the mark of their end, which is all zeros. */
function optionList(options: readonly Option[]): Buffer {
  if (options.length === 0) return Buffer.alloc(0);
  const parts = options.map(([code, value]) => {
    const option = Buffer.alloc(4 + padded(value.length));
    option.writeUInt16LE(code, 0);
    option.writeUInt16LE(value.length, 2);
    option.set(value, 4);
    return option;
  });
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}
