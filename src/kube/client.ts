import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { UserError } from '#src/errors.ts';
import type { ApiAnswer } from './answer.ts';
import { startClock } from './clock.ts';
import { isFromKubectl, type Server, unanswered, upstreamFailure } from './failures.ts';
import { redirectedPath } from './redirect.ts';
import { type ApiRequest, type Door, open, send } from './request.ts';
import { retryDelayMs } from './retry.ts';

/** The way to an API server. */
export interface Way {
  readonly door: Door;
  /** How long one request may take; 0: without end. */
  readonly timeoutMs: number;
  /** For messages. */
  readonly describe: () => Promise<Server>;
  /** Whether a person has to log in first. */
  readonly isHeldUp: () => Promise<boolean>;
  /** Of the program that the way goes through, if it has ended. */
  readonly lastWords: () => string | undefined;
}

/** Told of every request after its end. */
export type OnRequest = (line: string) => void;

/** A redirection to a redirection is followed; one in a circle is not. */
const MOST_REDIRECTIONS = 5;

/**
 * Requests to an API server, whose answers are given whatever their status. Throws {@link UserError} where no answer of the
 * server's comes.
 */
export class ApiClient {
  readonly way: Way;
  readonly #onRequest: OnRequest;
  #underWay = 0;
  #answers = 0;

  constructor(way: Way, onRequest: OnRequest) {
    this.way = way;
    this.#onRequest = onRequest;
  }

  /** Whether nobody can be logging in: there has been an answer, and none is waited for. */
  get isAtRest(): boolean {
    return this.#answers > 0 && this.#underWay === 0;
  }

  /** One request, sent again for a while where the server is too busy, or has only just started. */
  async ask(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#follow(request, signal);
      const delayMs = retryDelayMs(request, answer, tries);
      if (delayMs === undefined) return answer;
      await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
    }
  }

  /** A request whose answer goes on until the signal: the clock stops when it begins. */
  async open(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage | ApiAnswer> {
    const response = await this.#timed(request, signal, open);
    if (response.statusCode === 200) return response;
    const answer = {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: await text(response),
    };
    return this.#ofServer(answer);
  }

  async #follow(request: ApiRequest, signal: AbortSignal | undefined): Promise<ApiAnswer> {
    let { path } = request;
    for (let redirections = 0; ; redirections += 1) {
      const answer = await this.#ofServer(await this.#timed({ ...request, path }, signal, send));
      const isFollowed = request.method === 'GET' && redirections < MOST_REDIRECTIONS;
      const elsewhere = isFollowed ? await redirectedPath(answer, path, this.way.describe) : undefined;
      if (elsewhere === undefined) return answer;
      path = elsewhere;
    }
  }

  async #timed<Answer>(
    request: ApiRequest,
    signal: AbortSignal | undefined,
    start: (door: Door, request: ApiRequest, signal: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> {
    const { door, timeoutMs, isHeldUp } = this.way;
    using clock = startClock(timeoutMs, isHeldUp);
    const signals = signal === undefined ? [clock.signal] : [clock.signal, signal];
    const startMs = performance.now();
    this.#underWay += 1;
    try {
      const answer = await start(door, request, AbortSignal.any(signals));
      this.#answers += 1;
      return answer;
    } catch (error) {
      if (signal?.aborted) throw error;
      throw await this.#noAnswer(error, clock.signal.aborted);
    } finally {
      this.#underWay -= 1;
      const tookMs = (performance.now() - startMs).toFixed(0);
      this.#onRequest(`${request.method} ${request.path}: ${tookMs} ms`);
    }
  }

  async #noAnswer(error: unknown, isTooLate: boolean): Promise<UserError> {
    const { describe, lastWords, timeoutMs } = this.way;
    if (isTooLate) return unanswered(await describe(), timeoutMs, error);
    const words = lastWords();
    if (words === undefined) return upstreamFailure(await describe(), String(error), error);
    return new UserError(`kubectl proxy has ended: ${words.trim() || 'it said nothing'}`, { cause: error });
  }

  /** kubectl answers by itself where it gets no answer. */
  async #ofServer(answer: ApiAnswer): Promise<ApiAnswer> {
    if (isFromKubectl(answer)) throw upstreamFailure(await this.way.describe(), answer.body, answer);
    return answer;
  }
}
