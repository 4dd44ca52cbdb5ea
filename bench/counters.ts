import { type Node, onNode } from './lab.ts';
import { deviceCounters, sentBy, snmpCounter, type Traffic } from './podCounters.ts';
import type { LoadName, Target } from './terms.ts';

/** What became of the copies during a load. */
export interface Copies {
  /** TCP is compared by its payload, for there one packet at the sender can be many at the receiver. */
  readonly unit: 'packets' | 'bytes of TCP payload';
  readonly sent: number;
  readonly lost: number;
  /** IP fragments that the target's node made; of the whole packets they are of, each had some. */
  readonly fragments: number;
}

/** Name of the mirror interface: not the usual one, so that a tap that someone else made in the lab can stay. */
export const MIRROR = 'mirror-bench';

/** Runs a load and says what became of the copies that went from the mirror device to a device of the destination. */
export async function countCopies<T>(
  target: Target,
  destination: Node,
  receivingDevice: string,
  load: LoadName,
  run: () => Promise<T>,
): Promise<{ result: T; copies: Copies }> {
  const before = await readCounters(target, destination, receivingDevice);
  const result = await run();
  const after = await readCounters(target, destination, receivingDevice);
  const isTcp = load === 'tcp' || load === 'tcpBoth';
  const amount = isTcp ? tcpPayloadBytes : ({ packets }: Traffic) => packets;
  const sent = amount(after.sent) - amount(before.sent);
  const received = amount(after.received) - amount(before.received);
  return {
    result,
    copies: {
      unit: isTcp ? 'bytes of TCP payload' : 'packets',
      sent,
      lost: sent - received,
      fragments: after.fragments - before.fragments,
    },
  };
}

interface Counters {
  /** By the mirror device in the pod. */
  readonly sent: Traffic;
  /** By the device on the destination. */
  readonly received: Traffic;
  readonly fragments: number;
}

/** Reads the counters at a moment when no copy is under way. */
async function readCounters(target: Target, destination: Node, receivingDevice: string): Promise<Counters> {
  let sent = sentBy(target, MIRROR);
  for (;;) {
    const [netDev, snmp] = await Promise.all([
      onNode(destination, 'cat', '/proc/net/dev'),
      onNode('node-a', 'cat', '/proc/net/snmp'),
    ]);
    const since = sent;
    sent = sentBy(target, MIRROR);
    if (sent.packets === since.packets) {
      const { received } = deviceCounters(netDev, receivingDevice);
      return { sent, received, fragments: snmpCounter(snmp, 'Ip', 'FragCreates') };
    }
  }
}

/** Of TCP over IPv4 with timestamps, which is what Linux sends. */
function tcpPayloadBytes({ packets, bytes }: Traffic): number {
  const headerBytes = 20 + 32;
  return bytes - packets * headerBytes;
}
