import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { unlessEnded } from './processNetns.ts';
import { type RunOptions, run } from '#src/exec/command.ts';

/**
 * A network namespace held by an open descriptor. While it is held, its inode number identifies it and no recycled
 * PID can redirect a command into another one; it also keeps a dead pod's namespace alive, so it must be closed.
 */
export class Netns {
  readonly inode: number;
  /** A path that other programs can open as long as this is. */
  readonly path: string;
  /** Whether it is the one that the agent itself is in. Entering it needs no right, and a receiver has none. */
  readonly isOwn: boolean;
  readonly #fd: number;

  /** @param path for example /proc/PID/ns/net */
  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    this.inode = fstatSync(this.#fd).ino;
    this.isOwn = this.inode === statSync(ownPath).ino;
    this.path = `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /** Opens the namespace of a process; undefined when it ended, or may not be looked into. */
  static ofProcess(pid: number): Netns | undefined {
    return unlessEnded(() => new Netns(`/proc/${pid}/ns/net`));
  }

  /** A path by which the monitor finds it: what the agent has open takes a right to look into, its own namespace does not. */
  get monitorPath(): string {
    return this.isOwn ? ownPath : this.path;
  }

  /** The command that runs a program inside the namespace. */
  command(file: string, args: readonly string[]): [string, ...string[]] {
    return this.isOwn ? [file, ...args] : ['nsenter', `--net=${this.path}`, file, ...args];
  }

  /**
   * Runs a program inside the namespace.
   *
   * @throws {CommandError}
   */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<string> {
    const [program, ...rest] = this.command(file, args);
    return run(program, rest, options);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const ownPath = '/proc/self/ns/net';

/** What the monitor needs to know of a network namespace. */
export type Visited = Pick<Netns, 'monitorPath'>;

/** The network namespace that the agent itself is in, as the monitor is. */
export const ownNetns: Visited = { monitorPath: ownPath };

/** Does something in the network namespace that the agent itself is in. */
export async function inOwnNetns<T>(act: (own: Netns) => Promise<T>): Promise<T> {
  const own = new Netns(ownPath);
  try {
    return await act(own);
  } finally {
    own.close();
  }
}
