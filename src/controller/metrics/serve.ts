import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { messageOf } from '#src/errors.ts';
import type { Certificate } from './certificate.ts';
import type { Reviews, Verdict } from './reviews.ts';

export const METRICS_PATH = '/metrics';
const MOST_CONNECTIONS = 64;
const REQUEST_MS = 10_000;

/** Serves metrics until the signal, to whoever shows a token whose user may get them. */
export async function serveMetrics(
  port: number,
  registry: Registry,
  reviews: Reviews,
  certificate: Certificate,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url !== METRICS_PATH || request.method !== 'GET') {
      response.writeHead(404).end(`there is ${METRICS_PATH}\n`);
      return;
    }
    try {
      const code = CODES[await verdictOf(request, reviews)];
      if (code !== 200) response.writeHead(code, { 'www-authenticate': 'Bearer' }).end();
      else {
        const text = await registry.metrics();
        response.writeHead(200, { 'content-type': registry.contentType }).end(text);
      }
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'cannot say whether somebody may have the metrics');
      response.writeHead(503).end();
    }
  };
  const limits = {
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    connectionsCheckingInterval: 1000,
  };
  const server = createServer({ ...certificate, ...limits }, (request, response) => {
    void answer(request, response);
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.listen(port);
  await once(server, 'listening');
  log.info({ port }, `serves ${METRICS_PATH}`);
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
}

const CODES = { allowed: 200, forbidden: 403, 'unknown token': 401 } as const satisfies Record<
  Verdict,
  number
>;

async function verdictOf({ headers }: IncomingMessage, reviews: Reviews): Promise<Verdict> {
  const [, token] = /^Bearer ([\w.~+/=-]+)$/iu.exec(headers.authorization ?? '') ?? [];
  return token === undefined ? 'unknown token' : reviews.of(token);
}
