import { execa } from 'execa';
import { listeningSockets } from '#src/tap/proc/netlinkSockets.ts';
import { Netns } from './netns.ts';
import { openSockets, readProcFile } from './processNetns.ts';

/** Watches the links, qdiscs and filters of a network namespace; the kernel reports changes, so waiting costs nothing. */
export interface Monitor {
  /**
   * Whether anything changed since the last call, or may have: a monitor process ended, which is started again then, or
   * began to listen, and had received nothing before.
   */
  changed(): boolean;
  /** The same, and nothing more. */
  hasChanged(): boolean;
  stop(): Promise<void>;
}

/**
 * Watches a namespace by `ip monitor link` and `tc monitor`, one pair of processes however many watch it.
 *
 * @param onChange called at once on every change
 */
export function startMonitor(netns: Netns, onChange: () => void): Monitor {
  const pair = pairs.get(netns.inode) ?? new Pair(netns);
  const user: User = { changed: true, onChange };
  pair.users.add(user);
  return {
    changed() {
      pair.ensure();
      const was = user.changed;
      user.changed = false;
      return was;
    },
    hasChanged: () => user.changed || !pair.isListening,
    stop: () => pair.leave(user),
  };
}

/** Who watches a namespace. */
interface User {
  /** Since it asked last. */
  changed: boolean;
  readonly onChange: () => void;
}

/** By the namespace's inode number. */
const pairs = new Map<number, Pair>();

/** The monitors of one namespace. */
class Pair {
  readonly users = new Set<User>();
  /** Its own: users let go of theirs at different times. */
  readonly #netns: Netns;
  readonly #watchers: readonly Watcher[];

  constructor(netns: Netns) {
    this.#netns = new Netns(netns.path);
    const onEvent = (): void => {
      this.#noteChange();
      for (const { onChange } of this.users) onChange();
    };
    // No ring for an ended process: it starts again at the next regular look, so one that cannot run costs little.
    const onEnd = () => this.#noteChange();
    this.#watchers = [
      new Watcher(this.#netns, ['ip', 'monitor', 'link'], onEvent, onEnd),
      new Watcher(this.#netns, ['tc', 'monitor'], onEvent, onEnd),
    ];
    pairs.set(netns.inode, this);
  }

  get isListening(): boolean {
    return this.#watchers.every((watcher) => watcher.isListening);
  }

  /** Starts what is not running. */
  ensure(): void {
    for (const watcher of this.#watchers) {
      watcher.ensure();
      if (watcher.hasBegun()) this.#noteChange();
    }
  }

  async leave(user: User): Promise<void> {
    this.users.delete(user);
    if (this.users.size > 0 || pairs.get(this.#netns.inode) !== this) return;
    pairs.delete(this.#netns.inode);
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()));
    this.#netns.close();
  }

  #noteChange(): void {
    for (const user of this.users) user.changed = true;
  }
}

/**
 * One monitor process. It ends with the agent, or it would hold a dead pod's namespace for ever: the kernel ends it when the
 * agent has ended. An agent that is killed before the process has asked for that closes its output, and the next event, such
 * as the deletion of the pod's interface, ends it.
 */
class Watcher {
  readonly #netns: Netns;
  readonly #command: readonly [string, ...string[]];
  readonly #onEvent: () => void;
  readonly #onEnd: () => void;
  #process: { readonly pid: number; kill(): void; readonly ended: Promise<unknown> } | undefined;
  #isListening = false;

  constructor(netns: Netns, command: readonly [string, ...string[]], onEvent: () => void, onEnd: () => void) {
    this.#netns = netns;
    this.#command = command;
    this.#onEvent = onEvent;
    this.#onEnd = onEnd;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** Whether it began to listen since the last call. */
  hasBegun(): boolean {
    if (this.#isListening || this.#process === undefined) return false;
    const { pid } = this.#process;
    const listening = listeningSockets(readProcFile(pid, 'net/netlink') ?? '');
    this.#isListening = openSockets(pid).some((inode) => listening.has(inode));
    return this.#isListening;
  }

  ensure(): void {
    if (this.#process !== undefined) return;
    const child = execa(
      'setpriv',
      ['--pdeathsig', 'KILL', ...this.#netns.command(this.#command[0], this.#command.slice(1))],
      { stdin: 'ignore', stderr: 'ignore', buffer: false, reject: false },
    );
    child.stdout.on('data', this.#onEvent);
    const ended = this.#untilEnd(child);
    // Without a PID it could not be started, and has ended.
    if (child.pid !== undefined) this.#process = { pid: child.pid, kill: () => child.kill('SIGKILL'), ended };
  }

  async stop(): Promise<void> {
    this.#process?.kill();
    await this.#process?.ended;
  }

  async #untilEnd(child: Promise<unknown>): Promise<void> {
    await child;
    this.#process = undefined;
    this.#isListening = false;
    this.#onEnd();
  }
}
