import { readFileSync } from 'node:fs';
import type { Target } from './terms.ts';

/** What went through a device, in the kernel's packets, of which one can hold many TCP segments. */
export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

/** The packets that UDP sockets of the target had no room for. */
export function socketFullPackets({ pid }: Target): number {
  return snmpCounter(readFileSync(`/proc/${pid}/net/snmp`, 'utf8'), 'Udp', 'RcvbufErrors');
}

/** The packets that went into the target and out of it. */
export function targetPackets(target: Target): number {
  const { received, sent } = deviceCounters(netDevOf(target), 'eth0');
  return received.packets + sent.packets;
}

/** What a device of the target has sent. */
export function sentBy(target: Target, device: string): Traffic {
  return deviceCounters(netDevOf(target), device).sent;
}

function netDevOf({ pid }: Target): string {
  return readFileSync(`/proc/${pid}/net/dev`, 'utf8');
}

/** @param netDev content of /proc/net/dev */
export function deviceCounters(netDev: string, device: string): { received: Traffic; sent: Traffic } {
  const line = netDev.split('\n').find((each) => each.trim().startsWith(`${device}:`));
  const fields =
    line
      ?.slice(line.indexOf(':') + 1)
      .trim()
      .split(/\s+/)
      .map(Number) ?? [];
  const [bytes, packets, , , , , , , sentBytes, sentPackets] = fields;
  if (bytes === undefined || packets === undefined || sentBytes === undefined || sentPackets === undefined)
    throw new Error(`No device ${device} in /proc/net/dev:\n${netDev}`);
  return { received: { packets, bytes }, sent: { packets: sentPackets, bytes: sentBytes } };
}

/** @param snmp content of /proc/net/snmp: two lines per protocol, names and values */
export function snmpCounter(snmp: string, protocol: string, name: string): number {
  const [names, values] = snmp
    .split('\n')
    .filter((line) => line.startsWith(`${protocol}:`))
    .map((line) => line.split(' '));
  const value = Number(values?.[names?.indexOf(name) ?? -1]);
  if (!Number.isInteger(value)) throw new Error(`No ${name} in /proc/net/snmp:\n${snmp}`);
  return value;
}
