import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '#src/errors.ts';
import { inOwnNetns, type Netns } from '#src/net/netns.ts';
import { largestWholeBytes } from '#src/tap/path/fit.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';
import { readReceiverReport } from '#src/agent/path/receiverReports.ts';
import { sendProbes } from '#src/agent/path/largestCopy.ts';
import type { EndpointStatus } from '#src/agent/status/endpointStatus.ts';
import { type Near, visitEndpoints, visitNear } from '#src/agent/status/find.ts';
import type { Timing } from '#src/agent/timing.ts';

/** Whether packets as large as a tap's largest copies get to its receiver. */
export interface ProbeResult {
  readonly tap: TapId;
  readonly remote: string;
  /** Size of the IP packets on the underlay. */
  readonly packetBytes: number;
  readonly reached: boolean;
}

const pollMs = 250;

/**
 * Sends a packet as large as the largest copy to the receiver of each sender on this node, and waits until it is reported.
 *
 * @param whose only this tap's, or those of an agent, whose namespaces are not searched for then
 * @throws {UserError} when there is no sender whose receiver could tell
 */
export async function probe(whose: TapId | Near | undefined, times: Timing): Promise<ProbeResult[]> {
  const visit = (end: EndpointStatus, netns: Netns) =>
    end.device.over === undefined
      ? probeEnd(end, end.device.name, netns, times)
      : inOwnNetns((node) => probeEnd(end, end.device.over ?? '', node, times));
  const all = typeof whose === 'object' ? visitNear(whose, visit) : visitEndpoints(whose, visit);
  const results = (await all).filter((result) => result !== undefined);
  if (results.length === 0)
    throw new UserError(
      'There is no tap here to probe: run this in a sender whose receiver is on another node and is ready',
    );
  return results;
}

async function probeEnd(
  { tap, device, fit }: EndpointStatus,
  name: string,
  netns: Netns,
  times: Timing,
): Promise<ProbeResult | undefined> {
  const { vni, port, local, remote } = device;
  if (fit === undefined || vni === undefined || port === undefined || !local || !remote) return undefined;
  const before = (await readReceiverReport(netns, name))?.probes;
  if (before === undefined) return undefined;
  const tunnel = { vni, port, local, remote };
  const packetBytes = largestWholeBytes(fit);
  await sendProbes(tunnel, packetBytes);
  const deadline = performance.now() + times.probeTimeoutMs;
  let reached = false;
  while (!reached && performance.now() < deadline) {
    await sleep(pollMs);
    reached = ((await readReceiverReport(netns, name))?.probes ?? before) > before;
  }
  return { tap, remote, packetBytes, reached };
}
