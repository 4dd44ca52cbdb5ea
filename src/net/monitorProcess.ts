import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { CommandError } from '#src/exec/command.ts';
import { builtProgram } from './builtPrograms.ts';

/** Whom the monitor tells of a namespace: `began`, `changed` with the names of interfaces, or `failed`. */
type Listener = (said: string, names: string) => void;

interface Question {
  readonly text: string;
  /** The process that it was put to may end before it answers. */
  isRepeated: boolean;
  readonly resolve: (answer: string) => void;
  readonly reject: (why: string) => void;
}

/** After this long it is taken to be stuck; it answers within a millisecond. */
const answerMs = 10_000;

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
  if (listeners.size === 0 && questions.size === 0) await running?.end();
}

/**
 * Asks the monitor, which costs no process of its own: see native/monitor.c. Many may ask at a time.
 *
 * @throws {CommandError} with the kernel's reason
 */
export function askMonitor(text: string): Promise<string> {
  const id = ++lastId;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (why: string): void => reject(failure(text, why));
  const limit = setTimeout(() => note(id, 'failed', `no answer in ${answerMs} ms`), answerMs);
  const settled = <T>(settle: (value: T) => void) => {
    return (value: T): void => {
      clearTimeout(limit);
      settle(value);
    };
  };
  questions.set(id, { text, isRepeated: false, resolve: settled(resolve), reject: settled(fail) });
  tell(`?${id} ${text}`);
  return promise;
}

/** What a question is about are its first words; the rest can be long. */
function failure(text: string, why: string): CommandError {
  const command = ['kokotap-monitor', ...text.split(' ', shownWords)].join(' ');
  return new CommandError(command, 1, why, new Error(why));
}

const shownWords = 2;

function tell(line: string): void {
  running ??= new MonitorProcess();
  running.write(line);
}

function note(id: number, said: string, text: string): void {
  const question = questions.get(id);
  if (questions.delete(id)) {
    if (said === 'answer') question?.resolve(text);
    else question?.reject(text);
    return;
  }
  const listener = listeners.get(id);
  if (said === 'failed') listeners.delete(id);
  listener?.(said, text);
}

/**
 * It ends with the agent, or it would hold dead pods' namespaces for ever: its standard input ends then. Nobody who has
 * nothing else to do waits for it.
 */
class MonitorProcess {
  readonly #child = spawn(builtProgram('kokotap-monitor'), { stdio: ['pipe', 'pipe', 'ignore'] });
  readonly #ended = Promise.withResolvers<void>();
  #rest: string[] = [];

  constructor() {
    this.#child.stdin.on('error', () => undefined); // it has ended, which is noted below
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    for (const event of ['close', 'error']) this.#child.once(event, () => this.#end());
    this.#child.unref();
    for (const pipe of [this.#child.stdin, this.#child.stdout]) if (pipe instanceof Socket) pipe.unref();
  }

  /** What is written in one turn goes as one. */
  write(line: string): void {
    const { stdin } = this.#child;
    if (stdin.writableCorked === 0) {
      stdin.cork();
      process.nextTick(() => stdin.uncork());
    }
    stdin.write(`${line}\n`);
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended.promise;
  }

  #read(text: string): void {
    const [first = '', ...others] = text.split('\n');
    this.#rest.push(first);
    if (others.length === 0) return;
    const lines = [this.#rest.join(''), ...others];
    this.#rest = [lines.pop() ?? ''];
    for (const line of lines) {
      const [, id = '', said = '', rest = ''] = /^(\d+) (\S+) ?(.*)$/su.exec(line) ?? [];
      note(Number(id), said, rest);
    }
  }

  #end(): void {
    if (running !== this) return;
    running = undefined;
    this.#ended.resolve();
    for (const id of listeners.keys()) note(id, 'failed', '');
    for (const [id, question] of questions) {
      if (question.isRepeated) note(id, 'failed', 'the monitor has ended');
      else tell(`?${id} ${question.text}`);
      question.isRepeated = true;
    }
  }
}
