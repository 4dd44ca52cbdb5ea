import * as z from 'zod/mini';
import type { Net } from './net.ts';

const packets = z.number().check(z.nonnegative());
const direction = z
  .object({
    seenPackets: packets,
    notMatchingPackets: packets,
    sampledOutPackets: packets,
    shedPackets: packets,
    unfitPackets: packets,
    copiedPackets: packets,
    copiedBytes: packets,
  })
  .check(
    z.refine(
      (all) =>
        all.seenPackets ===
        all.notMatchingPackets +
          all.sampledOutPackets +
          all.shedPackets +
          all.unfitPackets +
          all.copiedPackets,
      'what was seen is not the sum of the rest',
    ),
  );
const senderStatus = z.object({
  copies: z.object({ ingress: direction, egress: direction }),
  sentPackets: packets,
  refusedCopies: packets,
});
const receiverStatus = z.object({ receivedPackets: packets });

/** Reads the status of both ends, in which every packet seen is to be in one place. */
export async function readAccount(net: Net, receiverOn: 'nodeA' | 'nodeB' = 'nodeB') {
  const sender = (await net.status('nodeA')).find(({ role }) => role === 'sender');
  const receiver = (await net.status(receiverOn)).find(({ role }) => role === 'receiver');
  const { copies, ...sent } = z.parse(senderStatus, sender);
  return { ...copies, ...sent, ...z.parse(receiverStatus, receiver) };
}
