import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { UserError } from '#src/errors.ts';
import { KlogFilter } from './klogFilter.ts';
import { ageOf, type Kubectl, notStarted } from './kubectl.ts';
import { ANNOUNCED, type ProxyGuard, startGuard } from './proxyGuard.ts';

/** Writes to standard error. */
type Pass = (text: string) => void;

/** A running `kubectl proxy`. */
export interface Proxy {
  /** Whoever can open it has the user's rights: its folder is the user's alone. */
  readonly socketPath: string;
  readonly pid: number;
  /** It has ended by itself, with these words. */
  readonly lastWords: () => string | undefined;
  /** Ends it, and what it started, which takes a look at the processes; `isAlone` says that it started nothing. */
  readonly close: (isAlone: boolean) => Promise<void>;
}

/**
 * Starts `kubectl proxy`. What a credential plugin says through it is passed on at once, and it reads the terminal.
 *
 * @throws {UserError} if kubectl is not there or ends before it serves, in its own words.
 */
export async function startProxy(kubectl: Kubectl, pass: Pass): Promise<Proxy> {
  const { program, flags, env } = kubectl;
  const guard = await startGuard(env);
  const socketPath = path.join(guard.folder, 'api');
  const own = [`--unix-socket=${socketPath}`, '--reject-paths=^$', '--append-server-path'];
  const [shell, ...words] = [...ANNOUNCED, program, 'proxy', ...own, ...flags];
  const child = spawn(shell, words, { stdio: ['inherit', 'pipe', 'pipe', guard.input], env });
  const exited = once(child, 'exit');
  const output = listen(pipe(child.stderr), pass);
  try {
    await serving(child, exited, pass);
  } catch (error) {
    await end(child, exited, guard);
    throw await startFailure(kubectl, child, output.text(), error);
  }
  output.passOn();
  return {
    socketPath,
    pid: child.pid ?? 0,
    lastWords: () => (hasEnded(child) ? output.text() : undefined),
    close: async (isAlone) => {
      if (isAlone && child.kill()) await exited;
      await end(child, exited, guard);
    },
  };
}

/**
 * Resolves when the proxy says that it serves; rejects when it cannot be started or ends. Before that kubectl may ask for a
 * name and a password on its standard output.
 */
async function serving(child: ChildProcess, exited: Promise<unknown>, pass: Pass): Promise<void> {
  const { promise: serves, resolve } = Promise.withResolvers<true>();
  pipe(child.stdout)
    .setEncoding('utf8')
    .on('data', (said: string) => {
      if (said.includes('Starting to serve on')) resolve(true);
      else pass(said);
    });
  const started = await Promise.race([serves, exited.then(() => false)]);
  if (!started) throw new Error(`kubectl proxy ended with exit code ${child.exitCode}`);
}

/** One that was asked for is there. */
function pipe(stream: Readable | null): Readable {
  if (stream === null) throw new Error('no pipe from kubectl');
  return stream;
}

/** What the shell says of a program that is not there, or cannot be executed. */
const CODES = new Map([
  [127, 'ENOENT'],
  [126, 'EACCES'],
]);

async function startFailure(
  kubectl: Kubectl,
  child: ChildProcess,
  said: string,
  cause: unknown,
): Promise<UserError> {
  const code = CODES.get(child.exitCode ?? 0);
  if (code !== undefined) return notStarted(kubectl.program, Object.assign(new Error(said), { code }));
  const words = said.trim().replace(/^error: /u, '') || `no word, exit code ${child.exitCode}`;
  return new UserError(`kubectl cannot be used: ${words}${await ageOf(kubectl)}`, { cause });
}

/** Keeps what kubectl says while it starts, which is for one message; later passes on what is not its log. */
function listen(stderr: Readable, pass: Pass) {
  const filter = new KlogFilter();
  let kept = '';
  let passes = false;
  stderr.setEncoding('utf8').on('data', (piece: string) => {
    kept += piece;
    if (passes) pass(filter.pass(piece));
  });
  return {
    text: () => kept,
    passOn: () => {
      passes = true;
      pass(filter.pass(kept));
    },
  };
}

async function end(child: ChildProcess, exited: Promise<unknown>, guard: ProxyGuard): Promise<void> {
  const guardExited = once(guard.process, 'exit');
  guard.input.end(hasEnded(child) ? 'ended\n' : '');
  await Promise.all([exited, guardExited]);
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
