import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Counter, Gauge, Registry } from 'prom-client';
import { messageOf } from '#src/errors.ts';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';
import { type State, states } from './endpointState.ts';
import { shared } from './reading.ts';
import type { EndpointStatus } from '#src/agent/status/endpointStatus.ts';

/** Of a direction: the name in the status, that of the metric, and what it says. */
const directionMetrics = [
  ['seenPackets', 'seen_packets', 'Packets that came by the target interface'],
  ['notMatchingPackets', 'not_matching_packets', 'Packets that the filter left out'],
  ['sampledOutPackets', 'sampled_out_packets', 'Packets of conversations that the sample left out'],
  ['shedPackets', 'shed_packets', 'Packets beyond the rate'],
  ['unfitPackets', 'unfit_packets', 'Packets too large for the underlay that could not be made to fit it'],
  ['copiedPackets', 'copied_packets', 'Packets copied'],
  ['copiedBytes', 'copied_bytes', 'Bytes of the packets copied, with their Ethernet headers'],
] as const;

/** Of an end. */
const endMetrics = [
  ['sentPackets', 'sent_packets', 'Copies as they went to the device, cut to fit'],
  ['refusedCopies', 'refused_copies', 'Copies that the device did not take'],
  ['turnedAwayPackets', 'turned_away_packets', 'Packets that came to the device in the pod from outside'],
  ['reportedPackets', 'reported_packets', 'Copies that came to the receiver, as the sender was told'],
  ['receivedPackets', 'received_packets', 'Copies that came to the receiver'],
] as const;

/** What is served: states, which the agent knows, and accounts, which the kernel has. */
export interface Readings {
  readonly states: readonly { readonly tap: TapId; readonly role: Role; readonly state: State }[];
  readonly endpoints: readonly EndpointStatus[];
}

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

/** States and accounts of endpoints as Prometheus takes them. */
export async function describeReadings({
  states: found,
  endpoints,
}: Readings): Promise<{ contentType: string; text: string }> {
  const registry = new Registry();
  fillStates(registry, found);
  fill(registry, endpoints);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** Each state of each endpoint: 1 for the one that it is in, and 0 for the others. */
function fillStates(registry: Registry, found: Readings['states']): void {
  const gauge = new Gauge({
    name: 'kokotap_endpoint_state',
    help: 'Whether an endpoint is in a state; only ready is good',
    labelNames: ['tap', 'role', 'state'],
    registers: [registry],
  });
  for (const { tap, role, state } of found)
    for (const each of states) gauge.set({ tap, role, state: each }, each === state ? 1 : 0);
}

function fill(registry: Registry, ends: readonly EndpointStatus[]): void {
  const registers = [registry];
  const up = new Gauge({
    name: 'kokotap_device_up',
    help: 'Whether the mirror device of an end is up',
    labelNames: ['tap', 'role'],
    registers,
  });
  const lost = new Gauge({
    name: 'kokotap_lost_packets',
    help: 'Copies sent and not reported: lost, or still under way',
    labelNames: ['tap'],
    registers,
  });
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name: `kokotap_${name}_total`, help, labelNames, registers });
  for (const { tap, role, device, lostPackets } of ends) {
    up.set({ tap, role }, device.up ? 1 : 0);
    if (lostPackets !== undefined) lost.set({ tap }, lostPackets);
  }
  for (const [key, name, help] of endMetrics) {
    const made = counter(name, help, ['tap']);
    for (const { tap, [key]: value } of ends) if (value !== undefined) made.inc({ tap }, value);
  }
  for (const [key, name, help] of directionMetrics) {
    const made = counter(name, help, ['tap', 'direction']);
    for (const { tap, copies } of ends) {
      for (const direction of ['ingress', 'egress'] as const) {
        const value = copies?.[direction]?.[key];
        if (value !== undefined) made.inc({ tap, direction }, value);
      }
    }
  }
}
