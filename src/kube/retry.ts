import type { ApiAnswer } from './answer.ts';
import type { ApiRequest } from './request.ts';

const MOST_TRIES = 5;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5000;

/**
 * How long to wait before a request is sent again because the API server has too much to do or is just starting; undefined:
 * the answer stands. What may have been done already is not asked for twice.
 *
 * @param tries so far
 */
export function retryDelayMs(
  { method }: Pick<ApiRequest, 'method'>,
  { status, headers }: Pick<ApiAnswer, 'status' | 'headers'>,
  tries: number,
): number | undefined {
  const isRetriable = status === 429 || (status === 503 && method === 'GET');
  if (!isRetriable || tries >= MOST_TRIES) return undefined;
  const askedForMs = Number(headers['retry-after']) * 1000;
  return askedForMs > 0 ? Math.min(askedForMs, LONGEST_DELAY_MS) : FIRST_DELAY_MS * 2 ** (tries - 1);
}
