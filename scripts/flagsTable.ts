import { readFileSync, writeFileSync } from 'node:fs';
import { type Flag, FLAG_GROUPS } from '#src/cli/flags.ts';

const README = 'README.md';

/** README's table of flags, as `npx oxfmt` writes tables. A test compares; run as a program, this puts it into README. */
export function flagsTable(): string {
  const rows = Object.values(FLAG_GROUPS)
    .flat()
    .map((flag) => [names(flag), flag.about, flag.unset ?? '']);
  const all = [
    ['flag', 'meaning', 'default'],
    ['', '', ''],
    ...rows,
    ['`--version`, `-h`, `--help`', 'print the version, or this list', ''],
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row, index) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0, index === 1 ? '-' : ' ')))
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** The table's place in a document: from its head to the last of its rows. */
export const tablePattern = /^\| flag .*$(?:\n\|.*$)*/mu;

/** Each of the flag's names as code, without what its value is called. */
function names({ usage }: Flag): string {
  const all = usage.match(/--?[a-z-]+(?=[ ,]|$)/gu) ?? [];
  return all.map((name) => `\`${name}\``).join(', ');
}

if (import.meta.main) {
  writeFileSync(
    README,
    readFileSync(README, 'utf8').replace(tablePattern, () => flagsTable()),
  );
}
