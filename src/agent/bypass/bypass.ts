import { release } from 'node:os';
import { type ObjectFor, objectsOf } from '#src/net/objects.ts';
import type { UnderlayPath } from '#src/net/pathMtu.ts';
import { isIPv6 } from '#src/spec/address.ts';
import type { SenderEndpoint } from '#src/spec/endpoint.ts';
import { tunnelOf } from '#src/tap/plan/tunnel.ts';
import { isOlderKernel } from '#src/tap/proc/kernelRelease.ts';
import { KERNEL_WITH_BYPASS } from '#src/tap/programs/settings.ts';
import type { Desired, Vxlan } from '#src/tap/state.ts';
import { copySettings } from '#src/agent/endpoint/desired.ts';

/** How the copies of a pod go through a device in the node, from which they may go past the node's IP stack. */
export interface Bypass {
  /** The device in the node. Also where copies do not go through one: an agent before this one may have left it. */
  readonly tunnel: Desired;
  /** The objects whose programs do it; undefined: copies do not go through the node's device. */
  readonly objectFor: ObjectFor | undefined;
  /** Why not, though it was asked for; for people. */
  readonly reason: string | undefined;
  readonly readPath: () => Promise<UnderlayPath>;
}

export function bypassOf(
  endpoint: SenderEndpoint,
  desired: Desired & { readonly device: { readonly kind: 'vxlan' } & Vxlan },
  readPath: () => Promise<UnderlayPath>,
): Bypass {
  const isAsked = endpoint.fastPath === true;
  const reason = isAsked ? whyNot(endpoint, desired.device) : undefined;
  const settings = { ...copySettings(endpoint), bypass: desired.device };
  const objectFor = isAsked && reason === undefined ? objectsOf(endpoint.tapId, settings) : undefined;
  return { tunnel: tunnelOf(desired), objectFor, reason, readPath };
}

function whyNot({ externalPeer, podUid }: SenderEndpoint, { remote }: Vxlan): string | undefined {
  if (podUid === undefined) return 'the target is a node';
  if (externalPeer) return 'the peer is outside the cluster and sends no hellos or reports';
  if (isIPv6(remote)) return 'the underlay is IPv6';
  if (isOlderKernel(release(), KERNEL_WITH_BYPASS))
    return `the kernel, ${release()}, is older than ${KERNEL_WITH_BYPASS}`;
  return undefined;
}
