import { IncomingMessage } from 'node:http';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import * as z from 'zod/mini';
import { messageOf } from '#src/errors.ts';
import type { ApiClient } from '#src/kube/client.ts';
import { ApiError } from './objects.ts';

/** What an informer keeps of objects of one kind. */
export interface Kind<Value> {
  /** As the API calls it, for messages. */
  readonly plural: string;
  /** Of the list of all namespaces. */
  readonly path: string;
  /** Undefined: it is not kept. */
  readonly read: (object: unknown) => Value | undefined;
  /** Told of every change of what is kept. */
  readonly onChange: (before: Value | undefined, now: Value | undefined) => void;
}

const PAGE = 500;
/** The server ends a watch after so long; a bookmark comes about once a minute, so that a silent one is dead. */
const WATCH_SECONDS = 300;
const SILENCE_MS = 100_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
const MOST_GONE = 10_000;

const versioned = z.object({ metadata: z.object({ uid: z.string(), resourceVersion: z.string() }) });
const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.optional(z.string()) }),
  items: z.array(z.unknown()),
});
const eventSchema = z.object({ type: z.string(), object: z.unknown() });
const versionSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

interface Kept<Value> {
  readonly version: string;
  readonly value: Value;
}

/**
 * Knows all objects of a kind: lists them, then watches. It survives whatever ends a watch. Objects that the controller has just
 * written are put in at once, so that no decision is made on what was before.
 */
export class Informer<Value> {
  readonly #kind: Kind<Value>;
  readonly #client: ApiClient;
  readonly #log: Logger;
  #kept = new Map<string, Kept<Value>>();
  /** UIDs of objects that were deleted lately: a late answer to a write does not bring them back. */
  readonly #gone = new Set<string>();
  /** What the next watch goes on behind; undefined: everything has to be listed. */
  #version: string | undefined;
  #isSynced = false;
  readonly #synced = Promise.withResolvers<void>();
  /** Of the last answer of the server's. */
  lastHeardMs = 0;
  /** How often the objects were listed. */
  lists = 0;

  constructor(kind: Kind<Value>, client: ApiClient, log: Logger) {
    this.#kind = kind;
    this.#client = client;
    this.#log = log.child({ kind: kind.plural });
  }

  /** Resolves when all objects are known. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** An object as the server has answered a write with it. */
  put(object: unknown): void {
    this.#set(object);
  }

  /** Lists and watches until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) this.#version = await this.#list(signal);
        else await this.#watch(this.#version, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        const delayMs = backOffMs(failures);
        this.#log.warn({ delayMs, error: messageOf(error) }, 'cannot list or watch');
        await sleep(delayMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const found = new Set<string>();
    let next: string | undefined;
    let version = '';
    do {
      const query = new URLSearchParams([['limit', String(PAGE)], ...(next ? [['continue', next]] : [])]);
      const path = `${this.#kind.path}?${query.toString()}`;
      const answer = await this.#client.ask({ method: 'GET', path, accept: 'application/json' }, signal);
      if (answer.status !== 200) throw new ApiError(`list ${this.#kind.plural}`, answer);
      const page = z.parse(listSchema, JSON.parse(answer.body));
      for (const item of page.items) {
        const uid = this.#set(item);
        if (uid !== undefined) found.add(uid);
      }
      next = page.metadata.continue;
      version = page.metadata.resourceVersion;
    } while (next);
    // What was written since then is not in the list.
    for (const [uid, kept] of this.#kept)
      if (!found.has(uid) && isOlder(kept.version, version)) this.#remove(uid);
    this.lastHeardMs = performance.now();
    this.lists += 1;
    this.#isSynced = true;
    this.#synced.resolve();
    return version;
  }

  async #watch(from: string, signal: AbortSignal): Promise<void> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const query = new URLSearchParams([
      ['watch', 'true'],
      ['allowWatchBookmarks', 'true'],
      ['timeoutSeconds', String(Math.round(WATCH_SECONDS * (1 + Math.random())))],
      ['resourceVersion', from],
    ]);
    const path = `${this.#kind.path}?${query.toString()}`;
    const any = AbortSignal.any([signal, silence.signal]);
    let stream: IncomingMessage | undefined;
    try {
      const answer = await this.#client.open({ method: 'GET', path, accept: 'application/json' }, any);
      if (!(answer instanceof IncomingMessage)) {
        if (answer.status === 410) this.#version = undefined;
        throw new ApiError(`watch ${this.#kind.plural}`, answer);
      }
      stream = answer;
      for await (const line of linesOf(stream, (error) => this.#broke(error, signal))) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        this.lastHeardMs = performance.now();
        const event = z.parse(eventSchema, JSON.parse(line));
        if (event.type === 'ERROR') {
          this.#log.info({ status: event.object }, 'the watch cannot go on');
          this.#version = undefined;
          return;
        }
        this.#version = this.#take(event.type, event.object) ?? this.#version;
      }
    } finally {
      clearTimeout(timer);
      stream?.destroy();
    }
    // A server that ends every watch at once is not asked without a pause.
    await sleep(backOffMs(1), undefined, { signal }).catch(() => {});
  }

  #broke(error: Error, signal: AbortSignal): void {
    if (!signal.aborted) this.#log.info({ error: messageOf(error) }, 'the watch broke');
  }

  #take(type: string, object: unknown): string | undefined {
    const parsed = versionSchema.safeParse(object);
    if (!parsed.success) return undefined;
    if (type === 'DELETED') {
      const uid = versioned.safeParse(object).data?.metadata.uid;
      if (uid !== undefined) {
        this.#remove(uid);
        this.#gone.add(uid);
        const [oldest] = this.#gone;
        if (this.#gone.size > MOST_GONE && oldest !== undefined) this.#gone.delete(oldest);
      }
    } else if (type !== 'BOOKMARK') this.#set(object);
    return parsed.data.metadata.resourceVersion;
  }

  #set(object: unknown): string | undefined {
    const parsed = versioned.safeParse(object);
    const value = parsed.success ? this.#kind.read(object) : undefined;
    if (!parsed.success || value === undefined) return undefined;
    const { uid, resourceVersion: version } = parsed.data.metadata;
    const before = this.#kept.get(uid);
    if (this.#gone.has(uid)) return undefined;
    if (before !== undefined && isOlder(version, before.version)) return uid;
    this.#kept.set(uid, { version, value });
    if (before === undefined || before.version !== version) this.#kind.onChange(before?.value, value);
    return uid;
  }

  #remove(uid: string): void {
    const before = this.#kept.get(uid);
    this.#kept.delete(uid);
    if (before !== undefined) this.#kind.onChange(before.value, undefined);
  }
}

/** The lines of a stream until it ends or breaks, which is no error of theirs. */
function linesOf(stream: IncomingMessage, onBreak: (error: Error) => void): Interface {
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  stream.on('error', (error) => {
    onBreak(error);
    lines.close();
  });
  return lines;
}

/** How long to wait after so many failures: longer each time, and never the same for many that began together. */
function backOffMs(failures: number): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
  return longest * (0.5 + Math.random() / 2);
}

/** Versions of one kind of object grow; what cannot be compared is taken for newer. */
function isOlder(version: string, than: string): boolean {
  return version.length === than.length ? version < than : version.length < than.length;
}
