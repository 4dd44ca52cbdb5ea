/** What a receiver tells its sender, for whom it is the only way to know what was lost. */
export interface Received {
  /** Copies that came since the device was made. */
  readonly packets: number;
  /** Probes that came; undefined: the receiver cannot count them. */
  readonly probes: number | undefined;
}

/** In the report, the number of probes of a receiver that cannot count them. */
const unknownProbes = 0xffff_ffff_ffff_ffffn;

/**
 * A VXLAN packet of the tap's VNI with a frame that the sender's eBPF program `heard` reads and nobody else gets to see:
 * what comes to the device in the pod is dropped. Its EtherType is the first that IEEE leaves to local experiments.
 *
 * @param vni 1 to 16777215
 */
export function reportPacket(vni: number, { packets, probes }: Received): Uint8Array {
  const packet = new Uint8Array(42);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x08); // VXLAN header: the VNI is valid
  view.setUint32(4, vni * 0x100);
  packet.fill(0xff, 8, 14); // destination: broadcast
  view.setUint16(14, 0x066b); // source: a receiver's
  view.setUint16(20, 0x88b5);
  view.setUint32(22, 0x6b6f6b6f); // as `heard` wants it
  view.setBigUint64(26, BigInt(packets));
  view.setBigUint64(34, probes === undefined ? unknownProbes : BigInt(probes));
  return packet;
}
