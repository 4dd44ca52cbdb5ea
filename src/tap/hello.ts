/**
 * What one agent sends to the other's VXLAN port to show that its end is in place: a VXLAN packet of the tap's VNI with
 * an IPv4 frame that has no IPv4 header. The receiving kernel takes it through the very way of the copies (firewall,
 * UDP port, VNI, device), finds it too short, counts it as a length error of the mirror device, and drops it before
 * any capture or the IP stack could see it. So it is proof without a frame of ours on `mirror`.
 * (vxlan_rcv, pskb_inet_may_pull: Linux 6.10 and the stable releases since mid-2024.)
 *
 * @param vni 1 to 16777215
 */
export function helloPacket(vni: number): Uint8Array {
  const packet = new Uint8Array(22);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x08); // VXLAN header: the VNI is valid
  view.setUint32(4, vni * 0x100);
  packet.fill(0xff, 8, 14); // destination: broadcast
  view.setUint16(14, 0x026b); // source: locally administered
  view.setUint16(20, 0x0800); // IPv4, and nothing behind it
  return packet;
}

/** The kind of UDP socket that reaches an address. */
export function socketType(address: string): 'udp4' | 'udp6' {
  return address.includes(':') ? 'udp6' : 'udp4';
}
