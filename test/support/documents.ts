import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** A command as a document shows it. */
export interface DocumentedCommand {
  /** Relative to the root of the repository. */
  readonly file: string;
  readonly command: string;
}

/** The documents of the project, decisions included, by their paths from its root. */
export const DOCUMENTS: readonly string[] = globSync(['*.md', 'docs/**/*.md', 'lab/README.md'], {
  cwd: ROOT,
});

export function textOf(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** The code of a document: indented lines without prompts and comments, and what stands between backticks. */
export function codeOf(text: string): string[] {
  const lines = [...text.matchAll(/^ {4,}(\S.*)$/gmu)].map(([, line = '']) =>
    line.replace(/^\$ /u, '').replace(/\s{2,}# .*$/u, ''),
  );
  const spans = [...text.matchAll(/`([^`\n]+)`/gu)].map(([, span = '']) => span);
  return [...lines, ...spans];
}

/** The commands of a program in all documents, each the part of a pipe or list that begins with its name. */
export function commandsOf(program: string): DocumentedCommand[] {
  return DOCUMENTS.flatMap((file) =>
    codeOf(textOf(file))
      .flatMap((code) => code.split(/\s(?:\||&&)\s/u))
      .map((part) => part.trim())
      .filter((part) => part.startsWith(`${program} `))
      .map((command) => ({ file, command })),
  );
}
