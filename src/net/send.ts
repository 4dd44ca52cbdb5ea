import path from 'node:path';
import { run } from '#src/exec/command.ts';
import type { Tunnel } from '#src/tap/state.ts';

/**
 * Sends a packet to the other end's VXLAN port just as a VXLAN device sends copies, which a socket of Node.js does not:
 * over IPv4 without a checksum. Each time it comes from another port.
 *
 * @throws {CommandError} when it cannot be sent, for example for its size
 */
export async function sendAsCopies(
  { local, remote, port }: Tunnel,
  packet: Uint8Array,
  count: number,
): Promise<void> {
  const begin = Buffer.from(packet.subarray(0, packet.findLastIndex((byte) => byte !== 0) + 1));
  const args = [local, remote, port, count, packet.length].map(String);
  await run(sendProgram, [...args, begin.toString('hex')]);
}

/** Compiled of native/send.c, beside the agent. */
const sendProgram = path.join(import.meta.dirname, 'kokotap-send');
