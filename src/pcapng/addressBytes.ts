import type { Address } from '#src/spec/address.ts';

/** An address as packets have it: 4 bytes, or 16. */
export function addressBytes({ family, text }: Address): Buffer {
  return family === 'IPv4' ? Buffer.from(text.split('.').map(Number)) : Buffer.from(ipv6Words(text).buffer);
}

/** `::` stands for as many zeros as are missing. */
function ipv6Words(text: string): Uint8Array<ArrayBuffer> {
  const [before = '', after] = text.split('::', 2);
  const [first, last] = [words(before), words(after)];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return Uint8Array.from(
    [...first, ...zeros, ...last].flatMap((word) => {
      const value = Number.parseInt(word, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

function words(part: string | undefined): string[] {
  return part === undefined || part === '' ? [] : part.split(':');
}
