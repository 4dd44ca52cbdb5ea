import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 50_000;
const LOOK_MS = 20;

/** A program in a terminal of its own, and a person before it. */
export class Terminal implements AsyncDisposable {
  readonly #program;
  #screen = '';

  constructor(program: readonly string[], env: Record<string, string>, folder: string) {
    const words = program.map((word) => `'${word}'`).join(' ');
    this.#program = spawn('script', ['--quiet', '--return', '--command', words, '/dev/null'], {
      stdio: 'pipe',
      cwd: folder,
      env,
    });
    this.#program.stdout.on('data', (said: Buffer) => (this.#screen += said.toString()));
  }

  type(keys: string): void {
    this.#program.stdin.write(keys);
  }

  /** Waits until the screen shows that, behind what was waited for before. */
  async shows(pattern: RegExp): Promise<string> {
    for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs; await sleep(LOOK_MS)) {
      const found = pattern.exec(this.#screen);
      if (found === null) continue;
      this.#screen = this.#screen.slice(found.index + found[0].length);
      return found[0];
    }
    throw new Error(`The terminal does not show ${String(pattern)} but ${JSON.stringify(this.#screen)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#program;
    if (exitCode !== null || signalCode !== null) return;
    const exited = once(this.#program, 'exit');
    this.#program.kill();
    await exited;
  }
}
