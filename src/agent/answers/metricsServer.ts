import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import { describeReadings, type Readings } from './metricsText.ts';
import { shared } from './reading.ts';

/** Prometheus asks every few seconds at most: more at once is a mistake or an attack, and each would hold memory. */
const mostRequests = 32;
const mostConnections = 2 * mostRequests;
/** For somebody to send a request. */
const requestTimeoutMs = 5000;
const goodForMs = 1000;
/** The port may be the last agent's, which is about to end. */
const retryMs = 1000;

/**
 * Serves states and accounts to Prometheus, on this node's loopback only, until the signal comes. Without a port the tap goes
 * on: what hinders it is logged once, and it is tried again.
 *
 * @param port TCP port; every path has the metrics
 * @param read reads them; those who ask at the same time or within a second share one reading
 */
export async function serveMetrics(
  port: number,
  read: () => Promise<Readings>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const described = shared(async () => describeReadings(await read()), goodForMs);
  let waiting = 0;
  const answer = async (response: ServerResponse): Promise<void> => {
    waiting++;
    try {
      const { contentType, text } = await described();
      response.writeHead(200, { 'content-type': contentType }).end(text);
    } catch (error) {
      log.error({ err: error }, 'the metrics could not be read');
      response.writeHead(500).end(`${messageOf(error)}\n`);
    } finally {
      waiting--;
    }
  };
  const limits = { requestTimeout: requestTimeoutMs, connectionsCheckingInterval: requestTimeoutMs };
  const server = createServer(limits, (_, response) => {
    if (waiting < mostRequests) void answer(response);
    else response.writeHead(503, { 'retry-after': '1', connection: 'close' }).end('too many requests\n');
  });
  server.maxConnections = mostConnections;
  signal.addEventListener('abort', () => server.close().closeAllConnections());
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    try {
      await listen(server, port);
      server.on('error', ({ message }) => log.error(`the metrics server failed: ${message}`));
      if (!isFirst) log.info({ port }, 'the metrics are served');
      return;
    } catch (error) {
      const trouble = `no metrics: ${messageOf(error)}; they are served when the port is free, or choose another --metrics-port`;
      if (isFirst) log.error(trouble);
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening'); // or throws what the server emits as an error
}
