import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';

/** What a kubelet asks for; undefined: all is well, else what is not. */
export interface Answers {
  readonly health: () => string | undefined;
  readonly readiness: () => string | undefined;
}

/** Answers the kubelet's probes until the signal. */
export async function serveProbes(
  port: number,
  { health, readiness }: Answers,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const server = createServer((request, response) => {
    switch (request.url) {
      case '/healthz':
        return answer(response, health());
      case '/readyz':
        return answer(response, readiness());
      default:
        response.writeHead(404).end('there are /healthz and /readyz\n');
    }
  });
  server.listen(port);
  await once(server, 'listening');
  log.info({ port }, 'serves /healthz and /readyz');
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
}

function answer(response: ServerResponse, problem: string | undefined): void {
  response.writeHead(problem === undefined ? 200 : 503).end(`${problem ?? 'ok'}\n`);
}
