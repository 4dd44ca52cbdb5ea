/** Of the VXLAN header, in bytes (RFC 7348, section 5). */
const vxlanHeaderBytes = 8;

/**
 * A VXLAN packet as UDP carries it; what is behind the header is zero.
 *
 * @param vni 1 to 16777215
 * @param bytes of the header and what is behind it
 * @param reserved value of the header's last byte, which is 0 in packets that a device takes
 */
export function vxlanPacket(vni: number, bytes: number, reserved = 0): DataView<ArrayBuffer> {
  const packet = new DataView(new ArrayBuffer(bytes));
  packet.setUint8(0, 0x08); // the VNI is valid
  packet.setUint32(4, vni * 0x100 + reserved);
  return packet;
}

/**
 * A VXLAN packet with a broadcast Ethernet frame, whose payload is zero.
 *
 * @param vni 1 to 16777215
 * @param source first two bytes of the frame's source address, the others being zero
 * @param etherType of the frame
 * @param payloadBytes what is behind the frame's header
 */
export function broadcastPacket(
  vni: number,
  source: number,
  etherType: number,
  payloadBytes: number,
): DataView<ArrayBuffer> {
  const packet = vxlanPacket(vni, framePayloadAt + payloadBytes);
  new Uint8Array(packet.buffer).fill(0xff, vxlanHeaderBytes, vxlanHeaderBytes + 6);
  packet.setUint16(vxlanHeaderBytes + 6, source);
  packet.setUint16(vxlanHeaderBytes + 12, etherType);
  return packet;
}

/** Where the payload of a packet's frame begins, behind both headers. */
export const framePayloadAt = vxlanHeaderBytes + 14;
