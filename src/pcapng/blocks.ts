import { parseAddress } from '#src/spec/address.ts';
import { addressBytes } from './addressBytes.ts';
import { block, count, type Option, padded, text } from './block.ts';
import { type Timestamp, writeTimestamp } from './timestamp.ts';

/** What a file says of itself and of where it comes from. */
export interface Section {
  /** The program that writes it. */
  readonly application: string;
  readonly comment?: string | undefined;
}

/** Where packets come from: an interface of a pod, or of a node. */
export interface Interface {
  readonly name: string;
  readonly description?: string | undefined;
  /** LINKTYPE_ as https://www.tcpdump.org/linktypes.html has them: 1 is Ethernet. */
  readonly linkType: number;
  /** Most bytes that are kept of a packet; 0: all. */
  readonly snapLengthBytes: number;
  readonly filter?: string | undefined;
  /** The hardware address, as `02:6b:00:00:00:01`. */
  readonly mac?: string | undefined;
  /** IP addresses with the lengths of their prefixes, as `10.244.1.5/24`. */
  readonly addresses?: readonly string[];
  readonly os?: string | undefined;
  readonly hardware?: string | undefined;
  readonly comment?: string | undefined;
}

/** Packets of an interface since its capture began. */
export interface InterfaceCounts {
  /** Those that the filter let through, whether they were kept or not. */
  readonly received: number;
  /** Of them, those that the kernel had no room for. */
  readonly dropped: number;
  /** Of them, those that came here. */
  readonly delivered: number;
}

/** An address and what it is called. */
export interface Name {
  readonly address: string;
  readonly names: readonly string[];
}

/** The block that a file begins with. Its length is not known beforehand: programs read to the end. */
export function sectionHeader({ application, comment }: Section): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(0x1a2b3c4d, 0); // the byte order
  body.writeUInt16LE(1, 4); // version 1.0
  body.writeBigInt64LE(-1n, 8);
  return block(SECTION_HEADER, body, [...text(COMMENT, comment), ...text(SHB_USERAPPL, application)]);
}

/** Describes an interface. Blocks about it name it by its place among all of these of the section, from 0. */
export function interfaceDescription(described: Interface): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(described.linkType, 0);
  body.writeUInt32LE(described.snapLengthBytes, 4);
  const addresses = described.addresses ?? [];
  return block(INTERFACE_DESCRIPTION, body, [
    ...text(COMMENT, described.comment),
    ...text(IF_NAME, described.name),
    ...text(IF_DESCRIPTION, described.description),
    ...addresses.flatMap(addressOption),
    ...macOption(described.mac),
    [IF_TSRESOL, Buffer.of(9)], // times are in nanoseconds
    ...(described.filter === undefined ? [] : text(IF_FILTER, `\0${described.filter}`)), // 0: pcap's language
    ...text(IF_OS, described.os),
    ...text(IF_HARDWARE, described.hardware),
  ]);
}

/** What an interface's capture has received and dropped until then. Of several such blocks the last one counts. */
export function interfaceStatistics(
  interfaceId: number,
  { received, dropped, delivered }: InterfaceCounts,
  at: Timestamp,
): Buffer {
  const body = Buffer.alloc(12);
  body.writeUInt32LE(interfaceId, 0);
  writeTimestamp(body, 4, at);
  return block(INTERFACE_STATISTICS, body, [
    count(ISB_IFRECV, received),
    count(ISB_IFDROP, dropped),
    count(ISB_FILTERACCEPT, received),
    count(ISB_OSDROP, dropped),
    count(ISB_USRDELIV, delivered),
  ]);
}

/** What programs shall call addresses. Those that are none, and those without a name, are left out. */
export function nameResolution(names: readonly Name[]): Buffer {
  const records = names.flatMap(({ address, names: called }) => {
    const parsed = parseAddress(address);
    if (parsed === undefined || called.length === 0) return [];
    return [record(addressBytes(parsed), called)];
  });
  return block(NAME_RESOLUTION, Buffer.concat([...records, Buffer.alloc(4)]), []);
}

/** Like options, records have a type and a length, and end with one of zeros. */
function record(address: Uint8Array, names: readonly string[]): Buffer {
  const value = Buffer.concat([address, ...names.map((name) => Buffer.from(`${name}\0`))]);
  const whole = Buffer.alloc(4 + padded(value.length));
  whole.writeUInt16LE(address.length === 4 ? NRB_IPV4 : NRB_IPV6, 0);
  whole.writeUInt16LE(value.length, 2);
  whole.set(value, 4);
  return whole;
}

/** IPv4 has its netmask behind it, IPv6 the length of its prefix. */
function addressOption(withPrefix: string): Option[] {
  const [address = '', length = ''] = withPrefix.split('/', 2);
  const parsed = parseAddress(address);
  const prefix = Number(length);
  if (parsed === undefined || !Number.isInteger(prefix)) return [];
  const bytes = addressBytes(parsed);
  if (parsed.family === 'IPv6') return [[IF_IPV6_ADDRESS, Buffer.concat([bytes, Buffer.of(prefix)])]];
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE(prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0);
  return [[IF_IPV4_ADDRESS, Buffer.concat([bytes, mask])]];
}

/** Interfaces of other kinds than Ethernet have other addresses, or none: then there is no option. */
function macOption(mac: string | undefined): Option[] {
  if (mac === undefined || !/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/iu.test(mac)) return [];
  return [[IF_MAC_ADDRESS, Buffer.from(mac.replaceAll(':', ''), 'hex')]];
}

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const NAME_RESOLUTION = 4;
const INTERFACE_STATISTICS = 5;

const COMMENT = 1;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_IPV4_ADDRESS = 4;
const IF_IPV6_ADDRESS = 5;
const IF_MAC_ADDRESS = 6;
const IF_TSRESOL = 9;
const IF_FILTER = 11;
const IF_OS = 12;
const IF_HARDWARE = 15;
const ISB_IFRECV = 4;
const ISB_IFDROP = 5;
const ISB_FILTERACCEPT = 6;
const ISB_OSDROP = 7;
const ISB_USRDELIV = 8;
const NRB_IPV4 = 1;
const NRB_IPV6 = 2;
