import { broadcastPacket, framePayloadAt } from './vxlan.ts';

/** What a receiver tells its sender, for whom it is the only way to know what was lost. */
export interface Received {
  /** Copies that came since the device was made. */
  readonly packets: number;
  /** Probes that came; undefined: the receiver cannot count them. */
  readonly probes: number | undefined;
  /** When, in milliseconds by a clock that is never set: of two reports the later one counts. */
  readonly atMs: number;
}

/** In the report, the number of probes of a receiver that cannot count them. */
const unknownProbes = 0xffff_ffff_ffff_ffffn;

/** The first that IEEE leaves to local experiments. */
const etherTypeExperiment = 0x88b5;

/**
 * A VXLAN packet of the tap's VNI with a frame that the sender's eBPF program `read_report` reads and nobody else gets to see:
 * what comes to the device in the pod is dropped.
 *
 * @param vni 1 to 16777215
 */
export function reportPacket(vni: number, { packets, probes, atMs }: Received): Uint8Array {
  const packet = broadcastPacket(vni, 0x066b, etherTypeExperiment, 28);
  packet.setUint32(framePayloadAt, 0x6b6f6b6f); // as `read_report` wants it
  packet.setBigUint64(framePayloadAt + 4, BigInt(packets));
  packet.setBigUint64(framePayloadAt + 12, probes === undefined ? unknownProbes : BigInt(probes));
  packet.setBigUint64(framePayloadAt + 20, BigInt(Math.trunc(atMs)));
  return new Uint8Array(packet.buffer);
}
