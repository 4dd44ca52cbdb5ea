import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { messageOf, UserError } from '#src/errors.ts';
import { AGENT_SOCKET, RUN_FOLDER } from '#src/pods/runFolder.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';
import type { EndpointManager } from '#src/agent/list/manager.ts';
import { describeReadings } from './metricsText.ts';
import { probe } from './probeCommand.ts';
import { shared } from './reading.ts';
import { type Near, readNearStatus } from '#src/agent/status/find.ts';
import { readLeftoversIfAny } from '#src/agent/status/leftovers.ts';
import type { Timing } from '#src/agent/timing.ts';

/** Those who ask within it share one reading. */
const goodForMs = 1000;

interface Answer {
  readonly contentType: string;
  readonly text: string;
}

/**
 * Answers root over a unix socket in the run folder, until the signal comes: `GET /status` (endpoints, their accounts, and
 * leftovers of the node), `GET /endpoints` (their states only), `GET /metrics`, `POST /probe`; with `?tap=ID` of one tap only,
 * 404 if it is none of the agent's. Nothing is searched for: the agent knows where its endpoints are.
 */
export async function serveSocket(
  manager: EndpointManager,
  timing: Timing,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const readStatus = shared(() => readNearStatus(nearOf(manager)), goodForMs);
  const readLeftovers = shared(readLeftoversIfAny, goodForMs);
  const answers: Record<string, (tap: TapId | undefined) => Promise<Answer>> = {
    'GET /status': async (tap) => {
      const [observed, leftovers] = await Promise.all([readStatus(), readLeftovers()]);
      const isMeant = (each: { readonly tap: TapId | undefined }) => tap === undefined || each.tap === tap;
      return json({
        endpoints: describeEndpoints(manager).filter(isMeant),
        observed: observed.filter(isMeant),
        leftovers: leftovers.filter(isMeant),
      });
    },
    'GET /endpoints': async (tap) =>
      json({ endpoints: describeEndpoints(manager).filter((each) => tap === undefined || each.tap === tap) }),
    'GET /metrics': async () => {
      const all = [...manager.endpoints.values()];
      const states = all.map(({ tap, role, told }) => ({ tap, role, state: told?.state ?? 'waiting' }));
      return describeReadings({ states, endpoints: await readStatus() });
    },
    'POST /probe': async (tap) => json({ probes: await probe(nearOf(manager, tap), timing) }),
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://agent');
    const tap = searchParams.get('tap') ?? undefined;
    const answer = answers[`${request.method} ${pathname}`];
    const isKnown = tap === undefined || nearOf(manager).taps.has(tap);
    if (answer === undefined || !isKnown) response.writeHead(404).end('there is no such thing here\n');
    else void respond(response, () => answer(tap), log);
  });
  try {
    mkdirSync(RUN_FOLDER, { recursive: true });
    chmodSync(RUN_FOLDER, 0o700);
    rmSync(AGENT_SOCKET, { force: true }); // of an agent before this one, which was killed
    server.listen(AGENT_SOCKET);
    await once(server, 'listening');
    signal.addEventListener('abort', () => server.close().closeAllConnections());
  } catch (error) {
    log.warn(
      { cause: messageOf(error) },
      'the agent cannot be asked: kokotap-agent status searches the node',
    );
  }
}

async function respond(response: ServerResponse, answer: () => Promise<Answer>, log: Logger): Promise<void> {
  try {
    const { contentType, text } = await answer();
    response.writeHead(200, { 'content-type': contentType }).end(text);
  } catch (error) {
    if (!(error instanceof UserError)) log.error({ err: error }, 'a question could not be answered');
    response.writeHead(500).end(`${messageOf(error)}\n`);
  }
}

function json(said: object): Answer {
  return { contentType: 'application/json', text: `${JSON.stringify(said, undefined, 2)}\n` };
}

/** @param only of this tap */
function nearOf(manager: EndpointManager, only?: TapId): Near {
  const all = [...manager.endpoints.values()].filter(({ tap }) => only === undefined || tap === only);
  return { places: all.map(({ endpoint }) => endpoint?.place()), taps: new Set(all.map(({ tap }) => tap)) };
}

function describeEndpoints(manager: EndpointManager) {
  return Array.from(manager.endpoints, ([key, { tap, pod, told }]) => {
    const { state, reason, warning } = told ?? {};
    return { key, tap, pod, state, reason, warning };
  });
}
