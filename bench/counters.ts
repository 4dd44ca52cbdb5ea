import * as z from 'zod/mini';
import { type Node, onNode } from './lab.ts';
import { inPod, TARGET } from './pods.ts';
import { MIRROR } from './tap.ts';

/** What went through a mirror device, in the kernel's packets, of which one can hold many TCP segments. */
interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

/** The way of the copies so far. */
export interface CopyCounters {
  /** By the mirror device in the pod. */
  readonly sent: Traffic;
  /** By the mirror device on the destination. */
  readonly received: Traffic;
  /** IP fragments that the pod's node made. */
  readonly fragments: number;
}

const traffic = z.object({ packets: z.number(), bytes: z.number() });
const ipLink = z.tuple([z.object({ stats64: z.object({ rx: traffic, tx: traffic }) })]);
const SHOW_MIRROR = ['ip', '-json', '-stats', 'link', 'show', 'dev', MIRROR];

/** Reads the counters at a moment when no copy is under way. */
export async function readCounters(destination: Node): Promise<CopyCounters> {
  let sent: Traffic | undefined;
  for (;;) {
    const [received, snmp] = await Promise.all([
      onNode(destination, ...SHOW_MIRROR),
      onNode('node-a', 'cat', '/proc/net/snmp'),
    ]);
    const since = sent;
    sent = parseLink(await inPod(TARGET, ...SHOW_MIRROR)).tx;
    if (sent.packets === since?.packets) {
      return { sent, received: parseLink(received).rx, fragments: parseFragments(snmp) };
    }
  }
}

export function difference(before: CopyCounters, after: CopyCounters): CopyCounters {
  return {
    sent: subtract(after.sent, before.sent),
    received: subtract(after.received, before.received),
    fragments: after.fragments - before.fragments,
  };
}

/**
 * The bytes of TCP payload in a device's traffic. Packets cannot be compared, for one at the sender's device can be
 * many at the receiver's; without their headers the bytes can.
 *
 * @param traffic of TCP over IPv4 with timestamps, which is what Linux sends
 */
export function tcpPayloadBytes({ packets, bytes }: Traffic): number {
  const headerBytes = 20 + 32;
  return bytes - packets * headerBytes;
}

function subtract(a: Traffic, b: Traffic): Traffic {
  return { packets: a.packets - b.packets, bytes: a.bytes - b.bytes };
}

function parseLink(json: string) {
  return z.parse(ipLink, JSON.parse(json))[0].stats64;
}

/** @param snmp two lines per protocol: names, then values. */
function parseFragments(snmp: string): number {
  const [names, values] = snmp
    .split('\n')
    .filter((line) => line.startsWith('Ip:'))
    .map((line) => line.split(' '));
  const fragments = Number(values?.[names?.indexOf('FragCreates') ?? -1]);
  if (!Number.isInteger(fragments)) throw new Error(`No FragCreates in /proc/net/snmp:\n${snmp}`);
  return fragments;
}
