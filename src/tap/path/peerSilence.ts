import type { Role } from '#src/tap/ownership/mark.ts';
import type { Vxlan, Desired } from '#src/tap/state.ts';

/** What is known of a peer that does not show itself. */
export interface Silence {
  /** What the network answered to a hello of ours. */
  readonly trouble: string | undefined;
  /** Its packets come, but no hellos are counted. */
  readonly sendsOthers: boolean;
  /** Of this node's kernel, as `uname -r` has it. */
  readonly kernelRelease: string;
}

/**
 * Why an end that is in place is alone.
 *
 * @param silence of a peer at the other side of a tunnel
 */
export function reasonAlone({ device, ifname, role }: Desired, silence: Silence | undefined): string {
  const peer: Role = role === 'sender' ? 'receiver' : 'sender';
  if (device.kind !== 'vxlan') return `${ifname} is in place here, but the ${peer}'s half of it is not up`;
  return `${ifname} is in place here, but ${overTunnel(device, peer, silence)}`;
}

function overTunnel({ remote, port }: Vxlan, peer: Role, silence: Silence | undefined): string {
  const { trouble, sendsOthers = false, kernelRelease } = silence ?? {};
  const answer = trouble === undefined ? '' : ` (${trouble})`;
  const from = `from ${remote} by UDP port ${port}`;
  if (sendsOthers)
    return `of the ${peer}'s packets ${from} none is counted as a hello${answer}: its agent has ended and only its copies go on, something on the way drops small packets, or this node's kernel ${kernelRelease} does not count hellos as Linux 6.10 does`;
  const nothing = `nothing of the ${peer} comes ${from}`;
  // The peer's node itself answered, and a firewall does not.
  if (trouble?.includes('ECONNREFUSED') === true)
    return `${nothing}, where no device is${answer}: it is not in place, and the log of its pod says why`;
  return `${nothing}${answer}: it is not in place, or its packets are dropped on the way; the log of its pod says which`;
}
