import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import type { ApiAnswer } from './answer.ts';
import { connectionFailure } from './failures.ts';
import type { ApiServer } from './apiServer.ts';

export interface RequestExtras {
  readonly accept: string;
  readonly signal: AbortSignal;
}

/**
 * Sends one GET request to the API server and reads the whole answer, whatever its status.
 *
 * @throws {UserError} if there is no answer.
 */
export async function get(server: ApiServer, path: string, extras: RequestExtras): Promise<ApiAnswer> {
  try {
    return await send(server, path, extras);
  } catch (error) {
    throw connectionFailure(server.url, error);
  }
}

async function send(
  { url, requestOptions }: ApiServer,
  path: string,
  { accept, signal }: RequestExtras,
): Promise<ApiAnswer> {
  const start = url.startsWith('http:') ? requestHttp : requestHttps;
  const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
  const headers = { ...requestOptions.headers, Accept: accept, 'User-Agent': 'kokotap' };
  start(`${url}${path}`, { ...requestOptions, headers, signal }, (response) => {
    const { statusCode: status = 0, headers: answered } = response;
    text(response).then(
      (body) => resolve({ status, contentType: answered['content-type'] ?? '', body }),
      reject,
    );
  })
    .on('error', reject)
    .end();
  return promise;
}
