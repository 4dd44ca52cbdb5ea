import { setTimeout as sleep } from 'node:timers/promises';
import { unwatch, watch } from './monitorProcess.ts';
import { Netns } from './netns.ts';

/** Watches the links, qdiscs and filters of a network namespace; the kernel reports changes, so waiting costs nothing. */
export interface Monitor {
  /**
   * Whether anything changed since the last call, or may have: the monitor ended, which is started again then, or began to
   * listen, and had received nothing before.
   */
  changed(): boolean;
  /** The same, and nothing more. */
  hasChanged(): boolean;
  /** Fulfilled when it listens, or a moment later: what looks only then need not look again because it has begun. */
  begun(): Promise<void>;
  stop(): Promise<void>;
}

/** The monitor has begun after 5 ms on an idle node. */
const longestBeginMs = 500;

/**
 * Watches a namespace, by one process for all of them.
 *
 * @param onChange called at once on every change
 * @param concerns only changes of interfaces of such names are told
 */
export function startMonitor(
  netns: Netns,
  onChange: () => void,
  concerns: (ifname: string) => boolean = () => true,
): Monitor {
  const watched = all.get(netns.inode) ?? new Watched(netns);
  const user: User = { changed: true, onChange, concerns };
  watched.users.add(user);
  watched.ensure();
  return {
    changed() {
      watched.ensure();
      const was = user.changed;
      user.changed = false;
      return was;
    },
    hasChanged: () => user.changed || !watched.isListening,
    async begun() {
      const limit = new AbortController();
      const late = sleep(longestBeginMs, undefined, { signal: limit.signal }).catch(() => undefined);
      await Promise.race([watched.begun, late]);
      limit.abort();
    },
    stop: () => watched.leave(user),
  };
}

/** Watches two namespaces as one. */
export function monitorOfBoth(one: Monitor, other: Monitor): Monitor {
  return {
    changed() {
      const changes = [one.changed(), other.changed()]; // each is asked, or it would tell again of the same change
      return changes.includes(true);
    },
    hasChanged: () => one.hasChanged() || other.hasChanged(),
    async begun() {
      await Promise.all([one.begun(), other.begun()]);
    },
    async stop() {
      await Promise.all([one.stop(), other.stop()]);
    },
  };
}

/** Who watches a namespace. */
interface User {
  /** Since it asked last. */
  changed: boolean;
  readonly onChange: () => void;
  readonly concerns: (ifname: string) => boolean;
}

/** By the namespaces' inode numbers. */
const all = new Map<number, Watched>();

/** A namespace that is watched. */
class Watched {
  readonly users = new Set<User>();
  /** Its own: users let go of theirs at different times. */
  readonly #netns: Netns;
  readonly #begun = Promise.withResolvers<void>();
  /** What the monitor knows it by; undefined: it does not. */
  #id: number | undefined;
  #isListening = false;

  constructor(netns: Netns) {
    this.#netns = new Netns(netns.path);
    all.set(netns.inode, this);
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** Has it watched, if it is not. */
  ensure(): void {
    this.#id ??= watch(this.#netns.monitorPath, (said, names) => this.#note(said, names));
  }

  async leave(user: User): Promise<void> {
    this.users.delete(user);
    if (this.users.size > 0 || all.get(this.#netns.inode) !== this) return;
    all.delete(this.#netns.inode);
    this.#netns.close();
    if (this.#id !== undefined) await unwatch(this.#id);
  }

  #note(said: string, names: string): void {
    this.#isListening = said !== 'failed';
    if (!this.#isListening) this.#id = undefined;
    this.#begun.resolve();
    // It can be too many to name.
    const changed = said === 'changed' && names !== '*' ? names.split('/') : undefined;
    for (const user of this.users) {
      if (changed !== undefined && !changed.some(user.concerns)) continue;
      user.changed = true;
      // No ring where it failed: it begins again at the next regular look, so one that cannot run costs little.
      if (said === 'changed') user.onChange();
    }
  }
}
