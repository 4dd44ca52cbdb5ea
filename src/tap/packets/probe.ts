import { vxlanPacket } from './vxlan.ts';

/**
 * Bits in the last byte of the VXLAN header, which is reserved: a device drops a packet that has them (vxlan_rcv), so
 * that a probe shows on no interface. The receiver's table of nftables counts it.
 */
export const probeMark = 0x70;

/** UDP's header, in bytes. */
const udpHeaderBytes = 8;

/**
 * What a sender sends to learn whether packets as large as its largest copies get to the other end.
 *
 * @param vni 1 to 16777215
 * @param packetBytes of the whole IP packet
 * @param ipHeaderBytes of it, 20 or 40
 */
export function probePacket(vni: number, packetBytes: number, ipHeaderBytes: number): Uint8Array {
  const bytes = packetBytes - ipHeaderBytes - udpHeaderBytes;
  return new Uint8Array(vxlanPacket(vni, bytes, probeMark).buffer);
}
