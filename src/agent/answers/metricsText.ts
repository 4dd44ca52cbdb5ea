import type { Registry } from 'prom-client';
import type { EndpointStatus } from '#src/agent/status/endpointStatus.ts';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';
import { type State, states } from '#src/agent/endpoint/endpointState.ts';

type Client = typeof import('prom-client');

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
  [
    'bypassedPackets',
    'bypassed_packets',
    'Of the sent copies, those that went past the IP stack of the node',
  ],
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

/** States and accounts of endpoints as Prometheus takes them. */
export async function describeReadings({
  states: found,
  endpoints,
}: Readings): Promise<{ contentType: string; text: string }> {
  // Only now: it takes a fifth of the time in which the agent starts.
  const client = await import('prom-client');
  const registry = new client.Registry();
  fillStates(client, registry, found);
  fill(client, registry, endpoints);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** Each state of each endpoint: 1 for the one that it is in, and 0 for the others. */
function fillStates({ Gauge }: Client, registry: Registry, found: Readings['states']): void {
  const gauge = new Gauge({
    name: 'kokotap_endpoint_state',
    help: 'Whether an endpoint is in a state; only ready is good',
    labelNames: ['tap', 'role', 'state'],
    registers: [registry],
  });
  for (const { tap, role, state } of found)
    for (const each of states) gauge.set({ tap, role, state: each }, each === state ? 1 : 0);
}

function fill({ Counter, Gauge }: Client, registry: Registry, ends: readonly EndpointStatus[]): void {
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
