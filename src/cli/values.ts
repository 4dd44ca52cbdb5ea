import type { VniRange } from '#src/spec/vni.ts';

/** How flags write values that are no texts. Each gives what no number can be read from as NaN, which no field takes. */

/** A whole number in plain decimal digits. */
export function plainNumber(text: string): number {
  return /^\d+$/u.test(text) ? Number(text) : Number.NaN;
}

/** A whole number, or with a hyphen between two the range from one to the other. */
export function numberOrRange(text: string): number | VniRange {
  const [, first, last] = /^(\d+)-(\d+)$/u.exec(text) ?? [];
  return first === undefined || last === undefined
    ? plainNumber(text)
    : { first: Number(first), last: Number(last) };
}

export function commaSeparated(text: string): string[] {
  return text.split(',');
}

/** kubectl takes `-n=team` for `-n team`; Commander hands on the equals sign. */
export function withoutEqualsSign(text: string): string {
  return text.replace(/^=/u, '');
}

/** What `cpu=50m,memory=64Mi` says; the text itself where it is no such list, or names one twice. */
export function amounts(text: string): Record<string, string> | string {
  const entries = text.split(',').flatMap((part): [string, string][] => {
    const [, name, amount] = /^([^=]+)=(.+)$/u.exec(part) ?? [];
    return name === undefined || amount === undefined ? [] : [[name, amount]];
  });
  const names = new Set(entries.map(([name]) => name));
  return names.size === text.split(',').length ? Object.fromEntries(entries) : text;
}
