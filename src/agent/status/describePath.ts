import type { Counts } from '#src/net/counts.ts';
import { findGate, readGate } from '#src/net/gates.ts';
import type { Hook } from '#src/tap/state.ts';
import type { EndpointStatus } from './endpointStatus.ts';

/**
 * Says whether copies go past the IP stack of the node, and how many did.
 *
 * @param carrier the VXLAN device: from one that is at the target no copy can
 * @param copyId the kernel's number of the program that treats copies
 */
export async function describePath(
  carrier: { readonly isTunnel: boolean },
  copyId: number,
  { ingress, egress }: Readonly<Record<Hook, Counts>>,
): Promise<Pick<EndpointStatus, 'path' | 'pathReason' | 'bypassedPackets'>> {
  const bypassedPackets = ingress.bypassed + egress.bypassed;
  if (!carrier.isTunnel) return { path: 'kernel', pathReason: 'device-in-pod', bypassedPackets };
  const mapId = await findGate(copyId);
  const gate = mapId === undefined ? undefined : await readGate(mapId);
  if (gate === undefined) return { path: 'kernel', pathReason: 'unreadable', bypassedPackets };
  if (gate.untilNs > process.hrtime.bigint()) return { path: 'bypass', bypassedPackets };
  return { path: 'kernel', pathReason: gate.reason, bypassedPackets };
}
