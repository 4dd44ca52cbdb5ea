import { writeSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:tty';

const ESCAPE = '\u001B';
const OPEN = '\u001B[?1049h\u001B[?25l';
const CLOSE = '\u001B[?25h\u001B[?1049l';
const STDOUT = 1;
const USUAL = { columns: 80, lines: 24 };

/** What a person does at the keyboard. */
export type Key = 'up' | 'down' | 'quit';

const KEYS: ReadonlyMap<string, Key> = new Map([
  ['k', 'up'],
  ['\u001B[A', 'up'],
  ['\u001BOA', 'up'],
  ['j', 'down'],
  ['\u001B[B', 'down'],
  ['\u001BOB', 'down'],
  ['q', 'quit'],
  // Ctrl-C, which is no signal here.
  ['\u0003', 'quit'],
]);

/** An arrow or the like, or one character. */
const KEY = new RegExp(`${ESCAPE}[[O][A-Z]|[^${ESCAPE}]`, 'gu');

/** The keys in what a terminal sends at once. */
export function keysIn(text: string): Key[] {
  return [...text.matchAll(KEY)].flatMap(([each]) => KEYS.get(each) ?? []);
}

/** All of a terminal, until it is closed; then it is as it was, however the program ends. */
export class Screen implements Disposable {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #restore = () => {
    try {
      // On its end the program waits for no stream.
      writeSync(STDOUT, CLOSE);
      this.#input.setRawMode(false);
    } catch (error) {
      // A terminal that is gone needs nothing.
      if (!(error instanceof Error && 'code' in error && error.code === 'EIO')) throw error;
    }
  };
  readonly #onResize: () => void;
  readonly #onData: (text: Buffer) => void;

  constructor(input: ReadStream, output: WriteStream, onKey: (key: Key) => void, onResize: () => void) {
    this.#input = input;
    this.#output = output;
    this.#onResize = onResize;
    this.#onData = (text) => {
      for (const key of keysIn(text.toString())) onKey(key);
    };
    process.on('exit', this.#restore);
    input.setRawMode(true);
    input.on('data', this.#onData);
    output.on('resize', onResize);
    output.write(OPEN);
  }

  get size(): { readonly columns: number; readonly lines: number } {
    const { columns, rows } = this.#output;
    // A terminal that does not know its size says 0.
    return { columns: columns || USUAL.columns, lines: rows || USUAL.lines };
  }

  draw(lines: readonly string[]): void {
    this.#output.write(`\u001B[H${lines.map((line) => `${line}\u001B[K`).join('\r\n')}\u001B[J`);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#restore);
    this.#input.off('data', this.#onData);
    this.#input.pause();
    this.#output.off('resize', this.#onResize);
    this.#restore();
  }
}
