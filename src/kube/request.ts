import { Agent, type IncomingMessage, request as startRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ApiAnswer } from './answer.ts';

/** Where HTTP is spoken to: the socket of a `kubectl proxy`, a server on this machine, or what opens the way by itself. */
export type Door =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number }
  | { readonly open: (request: ApiRequest, signal: AbortSignal) => Promise<IncomingMessage> };

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
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
export async function open(door: Door, request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
  if ('open' in door) return door.open(request, signal);
  const { method, path, accept, body, bodyType = 'application/json' } = request;
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
