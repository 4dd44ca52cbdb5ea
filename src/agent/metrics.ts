import { createServer } from 'node:http';
import type { Logger } from 'pino';
import { Counter, Gauge, Registry } from 'prom-client';
import { messageOf } from '#src/errors.ts';
import type { Role, TapId } from '#src/tap/mark.ts';
import { type EndStatus, readOwnStatus, readStatus } from './status.ts';

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

/**
 * Serves a tap's account to Prometheus, on this node's loopback only, as long as the agent lives. Without a port the tap
 * goes on: what hinders it is logged.
 *
 * @param port TCP port; every path has the metrics
 */
export function serveMetrics(port: number, role: Role, tap: TapId, log: Logger): void {
  const server = createServer((_, response) => {
    describeTap(role, tap).then(
      ({ contentType, text }) => response.writeHead(200, { 'content-type': contentType }).end(text),
      (error: unknown) => {
        log.error({ err: error }, 'the metrics could not be read');
        response.writeHead(500).end(`${messageOf(error)}\n`);
      },
    );
  });
  server.on('error', ({ message }) => {
    log.error(`no metrics: ${message}; choose another --metrics-port`);
  });
  server.listen(port, '127.0.0.1');
}

async function describeTap(role: Role, tap: TapId): Promise<{ contentType: string; text: string }> {
  const registry = new Registry();
  fill(registry, await (role === 'sender' ? readStatus(tap) : readOwnStatus(tap)));
  return { contentType: registry.contentType, text: await registry.metrics() };
}

function fill(registry: Registry, ends: readonly EndStatus[]): void {
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
