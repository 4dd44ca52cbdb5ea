/** A Markdown table; the first row is its head. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const align = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, align, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** A whole number with its thousands parted. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A part of a whole, as `12 (0.1 %)`. */
export function share(part: number, whole: number): string {
  return `${count(part)} (${whole === 0 ? '0' : Number(((100 * part) / whole).toPrecision(2))} %)`;
}
