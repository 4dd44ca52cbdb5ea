import { Agent, type IncomingMessage, request as startRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ApiAnswer } from './answer.ts';

/** Where HTTP is spoken to: the socket of a `kubectl proxy`, or a server on this machine. */
export type Door = { readonly socketPath: string } | { readonly host: string; readonly port: number };

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly accept: string;
  readonly body?: string;
  readonly bodyType?: string;
}

/** One connection serves many requests. */
const keepAlive = new Agent({ keepAlive: true });

/** Sends one request and reads the whole answer, whatever its status. */
export async function send(door: Door, request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
  const response = await open(door, request, signal);
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** Sends one request and gives the answer as it begins, for one that goes on for long. */
export async function open(
  door: Door,
  { method, path, accept, body, bodyType = 'application/json' }: ApiRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = {
    // The only name that kubectl proxy takes.
    Host: 'localhost',
    Accept: accept,
    'User-Agent': 'kokotap',
    ...(body === undefined ? {} : { 'Content-Type': bodyType, 'Content-Length': Buffer.byteLength(body) }),
  };
  startRequest({ ...door, method, path, headers, agent: keepAlive, signal }, resolve)
    .on('error', reject)
    .end(body);
  return promise;
}
