import type { Link, Vxlan } from '#src/tap/state.ts';
import { addressText } from './addressBytes.ts';
import { attributesOf, listAttributes, type Message, textOf } from './netlink.ts';

/** A device with the kernel's number of it in its network namespace, and what it carried. */
export type CountedLink = Link & { readonly index: number; readonly counters: LinkCounters };

/** Packets and bytes since the device was made. */
interface LinkCounters {
  readonly received: Counters;
  readonly sent: Counters;
}

interface Counters {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

/** Attributes of a link: IFLA_... of linux/if_link.h. */
export const ifla = {
  address: 1,
  name: 3,
  mtu: 4,
  queueLength: 13,
  info: 18,
  alias: 20,
  statistics: 23,
  ofFamilies: 26,
  gsoMaxSize: 41,
  properties: 52,
  otherName: 53,
  groMaxSize: 58,
} as const;
const info = { kind: 1, data: 2 } as const;
const inet6 = { family: 10, addressGeneration: 8, none: 1 } as const;
const vxlan = { vni: 1, remote: 2, local: 4, port: 15, remote6: 16, local6: 17, checksum: 18 } as const;

const flags = { up: 1, noArp: 0x80, multicast: 0x1000, lowerUp: 0x1_0000 } as const;

/** What the hardware's header is like: ARPHRD_... of linux/if_arp.h, as `ip` calls them. */
const headers: Readonly<Record<number, string>> = {
  1: 'ether',
  512: 'ppp',
  768: 'ipip',
  769: 'tunnel6',
  772: 'loopback',
  776: 'sit',
  778: 'gre',
  823: 'gre6',
  65_534: 'none',
};

/** Of a packet, unless the device is told otherwise. */
const usualMaxBytes = 65_536;

const headLength = 16; // struct ifinfomsg

/** A device in a message of type RTM_NEWLINK. */
export function parseLink({ body }: Message): CountedLink {
  const found = attributesOf(body.subarray(headLength));
  const bits = body.readUInt32LE(8);
  const has = (flag: number): boolean => (bits & flag) !== 0;
  const number = (type: number): number => found.get(type)?.readUInt32LE() ?? 0;
  const header = body.readUInt16LE(2);
  const about = attributesOf(found.get(ifla.info));
  const kind = textOf(about.get(info.kind)) ?? '';
  return {
    index: body.readInt32LE(4),
    name: textOf(found.get(ifla.name)) ?? '',
    altNames: otherNames(found.get(ifla.properties)),
    kind,
    type: headers[header] ?? `[${header}]`,
    mac: macText(found.get(ifla.address)),
    alias: textOf(found.get(ifla.alias)) ?? '',
    up: has(flags.up),
    carrier: has(flags.lowerUp),
    silent: has(flags.noArp) && !has(flags.multicast) && generatesNoAddress(found.get(ifla.ofFamilies)),
    mtuBytes: number(ifla.mtu),
    hasQueue: number(ifla.queueLength) > 0,
    isBig: Math.max(number(ifla.gsoMaxSize), number(ifla.groMaxSize)) > usualMaxBytes,
    vxlan: kind === 'vxlan' ? parseVxlan(about.get(info.data)) : undefined,
    counters: parseCounters(found.get(ifla.statistics)),
  };
}

function otherNames(properties: Buffer | undefined): string[] | undefined {
  if (properties === undefined) return undefined;
  return listAttributes(properties).flatMap(([type, value]) =>
    type === ifla.otherName ? (textOf(value) ?? []) : [],
  );
}

/** A device shows no address generation mode where IPv6 is switched off: then it has none to generate. */
function generatesNoAddress(ofFamilies: Buffer | undefined): boolean {
  const mode = attributesOf(attributesOf(ofFamilies).get(inet6.family)).get(inet6.addressGeneration);
  return mode === undefined || mode.readUInt8() === inet6.none;
}

/** A VXLAN device without both addresses (multicast, external mode) is not of our making. */
function parseVxlan(data: Buffer | undefined): Vxlan | undefined {
  const found = attributesOf(data);
  const [vni, port] = [found.get(vxlan.vni), found.get(vxlan.port)];
  if (vni === undefined || port === undefined) return undefined;
  return {
    vni: vni.readUInt32LE(),
    port: port.readUInt16BE(),
    local: addressText(found.get(vxlan.local) ?? found.get(vxlan.local6)),
    remote: addressText(found.get(vxlan.remote) ?? found.get(vxlan.remote6)),
    udpChecksum: found.get(vxlan.checksum)?.readUInt8() === 1,
  };
}

/** `struct rtnl_link_stats64`; numbers beyond 2^53 are not exact. */
function parseCounters(statistics: Buffer | undefined): LinkCounters {
  const at = (place: number): number => Number(statistics?.readBigUInt64LE(8 * place) ?? 0n);
  return {
    received: { packets: at(0), bytes: at(2), errors: at(4), dropped: at(6) },
    sent: { packets: at(1), bytes: at(3), errors: at(5), dropped: at(7) },
  };
}

function macText(address: Buffer | undefined): string {
  return Array.from(address ?? [], (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
