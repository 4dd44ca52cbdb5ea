/**
 * A field of an object, named as by kubectl's jsonpath: `.status.podIPs[*].ip`, with `\.` for a dot in a name. Empty where
 * there is none; several are separated by blanks; what is no text is JSON.
 */
export function fieldOf(object: unknown, path: string): string {
  let values = [object];
  for (const [, name, index] of path.matchAll(/\.((?:\\.|[^.[\\])+)|\[(\*|\d+)\]/gu))
    values = values.flatMap((value) => inside(value, name?.replaceAll('\\', ''), index));
  return values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ');
}

function inside(value: unknown, name: string | undefined, index: string | undefined): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (index === '*') return Object.values(value);
  const entry = Object.entries(value).find(([key]) => key === (name ?? index));
  return entry === undefined ? [] : [entry[1]];
}
