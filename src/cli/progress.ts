import { oneLine } from './text.ts';

/** A terminal to draw on, or what takes its place. */
interface Screen {
  readonly write: (text: string) => void;
  /** Characters of a line; undefined: it is no terminal, or one that cannot move its cursor. */
  readonly columns: number | undefined;
}

const PREFIX = 'kokotap: ';
const USUAL_COLUMNS = 80;

/**
 * Tells what goes on: on a terminal in place, else a line for each change.
 */
export class Progress {
  readonly #screen: Screen;
  #shown: readonly string[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** What goes on now, a line each; these take the place of the last ones. */
  show(lines: readonly string[]): void {
    const now = lines.map(oneLine);
    const { columns, write } = this.#screen;
    if (columns === undefined) {
      for (const line of now) if (!this.#shown.includes(line)) write(`${PREFIX}${line}\n`);
    } else if (now.join('\n') !== this.#shown.join('\n')) {
      const drawn = now.map((line) => `${`${PREFIX}${line}`.slice(0, columns - 1)}\n`).join('');
      write(`${this.#erase()}${drawn}`);
    }
    this.#shown = now;
  }

  /** Takes away what is shown, where that is possible, so that something else can be written. */
  clear(): void {
    if (this.#screen.columns !== undefined && this.#shown.length > 0) this.#screen.write(this.#erase());
    this.#shown = [];
  }

  /** Up to the first line that is shown, and everything from there on away. */
  #erase(): string {
    return this.#shown.length === 0 ? '' : `\u001B[${this.#shown.length}A\u001B[0J`;
  }
}

/** Standard error, as far as it can be drawn on. */
export function stderrColumns(env: NodeJS.ProcessEnv): number | undefined {
  const { isTTY, columns } = process.stderr;
  // A terminal that does not know its size says 0.
  return isTTY && env['TERM'] !== 'dumb' ? columns || USUAL_COLUMNS : undefined;
}
