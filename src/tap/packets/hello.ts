import { isIPv6 } from '#src/spec/address.ts';
import { isOlderKernel } from '#src/tap/proc/kernelRelease.ts';
import type { NetDevCounts } from '#src/tap/proc/netDev.ts';
import { broadcastPacket } from './vxlan.ts';

const etherTypeIPv4 = 0x0800;

/**
 * What one agent sends to its peer's VXLAN port to show that its endpoint is in place: a VXLAN packet of the tap's VNI with
 * an IPv4 frame that has no IPv4 header. The receiving kernel takes it through the path of the copies (firewall, UDP port,
 * VNI, device), finds it too short, counts it as a length error of the mirror device, and drops it before a capture or the
 * IP stack could see it. So it proves the path and puts no frame on `mirror`.
 * (vxlan_rcv, pskb_inet_may_pull: Linux 6.10 and stable releases since mid-2024, but not 5.10.223.)
 *
 * @param vni 1 to 16777215
 */
export function helloPacket(vni: number): Uint8Array {
  return new Uint8Array(broadcastPacket(vni, 0x026b, etherTypeIPv4, 0).buffer);
}

/**
 * What grows with every hello that comes to a device. Linux 6.10 counts a hello as malformed, and so do older kernels with
 * the check of mid-2024. A kernel without delivers hellos as packets; there every packet that comes counts, which the
 * guard lets through from the peer only.
 *
 * @param kernelRelease as `uname -r` has it
 */
export function helloCount(
  { malformedPackets, receivedPackets }: NetDevCounts,
  kernelRelease: string,
): number {
  const surelyCounts = !isOlderKernel(kernelRelease, '6.10');
  return surelyCounts || malformedPackets > 0 ? malformedPackets : receivedPackets;
}

/** The kind of UDP socket that reaches an address. */
export function socketType(address: string): 'udp4' | 'udp6' {
  return isIPv6(address) ? 'udp6' : 'udp4';
}
