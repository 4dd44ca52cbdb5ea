import path from 'node:path';
import { execa } from 'execa';

/** Whom the monitor tells of a namespace: `began`, `changed` with the names of interfaces, or `failed`. */
type Listener = (said: string, names: string) => void;

interface Question {
  readonly text: string;
  readonly resolve: (answer: string | undefined) => void;
}

/** After this long it is taken to be stuck; it answers within a millisecond. */
const answerMs = 5000;

const listeners = new Map<number, Listener>();
const questions = new Map<number, Question>();
let lastId = 0;
let running: MonitorProcess | undefined;

/** Has the monitor watch a namespace, and tell who listens. */
export function watch(netnsPath: string, listener: Listener): number {
  const id = ++lastId;
  listeners.set(id, listener);
  tell(`+${id} ${netnsPath}`);
  return id;
}

/** The opposite of {@link watch}; the last one ends the process. */
export async function unwatch(id: number): Promise<void> {
  if (listeners.delete(id)) running?.write(`-${id}`);
  if (listeners.size === 0) await running?.end();
}

/**
 * Asks the monitor something of the agent's own namespace, which costs no process; see native/monitor.c. The answer is the
 * same as long as nothing has changed.
 *
 * @returns undefined: it could not be told, so it has to be found out otherwise
 */
export function askMonitor(text: string): Promise<string | undefined> {
  const id = ++lastId;
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const limit = setTimeout(() => note(id, 'failed', ''), answerMs);
  questions.set(id, {
    text,
    resolve(answer) {
      clearTimeout(limit);
      resolve(answer);
    },
  });
  tell(`?${id} ${text}`);
  return promise;
}

function tell(line: string): void {
  running ??= new MonitorProcess();
  running.write(line);
}

function note(id: number, said: string, text: string): void {
  const question = questions.get(id);
  if (questions.delete(id)) question?.resolve(said === 'answer' ? text : undefined);
  const listener = listeners.get(id);
  if (said === 'failed') listeners.delete(id);
  listener?.(said, text);
}

/** It ends with the agent, or it would hold dead pods' namespaces for ever: its standard input ends then. */
class MonitorProcess {
  readonly #child = execa(program, { stdin: 'pipe', stderr: 'ignore', buffer: false, reject: false });
  readonly #ended: Promise<void>;
  #rest = '';

  constructor() {
    this.#child.stdin.on('error', () => undefined); // it has ended, which is noted below
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#ended = this.#untilEnd();
  }

  write(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, id = '', said = '', rest = ''] = /^(\d+) (\S+) ?(.*)$/su.exec(line) ?? [];
      note(Number(id), said, rest);
    }
  }

  async #untilEnd(): Promise<void> {
    await this.#child;
    if (running === this) running = undefined;
    for (const id of [...listeners.keys(), ...questions.keys()]) note(id, 'failed', '');
  }
}

/** Compiled of native/monitor.c, beside the agent. */
const program = path.join(import.meta.dirname, 'kokotap-monitor');
