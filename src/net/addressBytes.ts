import { isIPv6, parseAddress } from '#src/spec/address.ts';

/** An address as the kernel has it: 4 or 16 bytes. */
export function addressBytes(text: string): Buffer {
  if (!isIPv6(text)) return Buffer.from(text.split('.').map(Number));
  const [head = [], tail = []] = text.split('::').map((part) => part.split(':').filter(Boolean));
  const gap = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  const bytes = Buffer.alloc(16);
  for (const [at, group] of [...head, ...gap, ...tail].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * at);
  return bytes;
}

/** The opposite of {@link addressBytes}; empty for no address. */
export function addressText(bytes: Buffer | undefined): string {
  if (bytes === undefined) return '';
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return parseAddress(groups.join(':'))?.text ?? '';
}
