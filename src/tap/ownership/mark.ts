/**
 * How kokotap marks what it owns in a kernel, so that it is found again after a crash and nothing else is ever
 * touched: devices by their hardware address (set at creation) and alias (for people), filters by their handle.
 */

/** A tap as its devices and filters name it: 12 hexadecimal digits. */
export type TapId = string;

/** Which of the two pods set a device up. */
export type Role = 'sender' | 'receiver';

/** Preferences (priorities) of our filters: early, but not 1, which people type themselves. */
export const preferences = {
  /** What counts the packets of the target interface, before they are copied. */
  seen: 6,
  /** What reads the receiver's reports on a sender's mirror device, before what drops them. */
  readReport: 6,
  /** What copies, and what drops on a mirror device. */
  filter: 7,
  /** What is done to copies, behind what drops. */
  copy: 8,
  /** What holds the programs that go before others' at each hook of a target; behind what drops, so that it never runs. */
  ahead: { ingress: 9, egress: 10 },
};

/** The hardware address of a tap's device: locally administered, told apart by role, and the same at every start. */
export function macOf(id: TapId, role: Role): string {
  const lead = role === 'sender' ? ['02', '6b'] : ['06', '6b'];
  return [...lead, ...pairs(id).slice(0, 4)].join(':');
}

/** The hardware address of the device in the node that a sender's mirror device gives its copies to. */
export function tunnelMacOf(id: TapId): string {
  return ['0a', '6b', ...pairs(id).slice(0, 4)].join(':');
}

/** The name of that device: as long as the kernel takes. */
export function tunnelNameOf(id: TapId): string {
  return `ks-${id}`;
}

/** All that a device of a tap may have as its hardware address. */
export function macsOf(id: TapId): readonly string[] {
  return [macOf(id, 'sender'), macOf(id, 'receiver'), tunnelMacOf(id)];
}

/**
 * The handle of a tap's filters: `k` in ASCII, one bit that says who made the qdisc, 23 bits of the tap id (cls_bpf
 * takes 31 in all).
 *
 * @param ownsQdisc a tap made the clsact qdisc that the filter is on. Every tap's filters on it say so: the last tap to
 *   leave removes it, whichever that is.
 */
export function handleOf(id: TapId, ownsQdisc: boolean): number {
  return lead * 0x100_0000 + (ownsQdisc ? ownerBit : 0) + bitsOf(id);
}

/** Whether a filter's handle is one of any tap's. */
export function isTapHandle(handle: number | undefined): handle is number {
  return handle !== undefined && Math.floor(handle / 0x100_0000) === lead;
}

/** Whether a filter's handle is this tap's. */
export function isHandleOf(id: TapId, handle: number | undefined): handle is number {
  return isTapHandle(handle) && handle % ownerBit === bitsOf(id);
}

/** Whether a filter's handle says that a tap made the qdisc it is on. */
export function saysOwned(handle: number | undefined): boolean {
  return isTapHandle(handle) && Math.floor(handle / ownerBit) % 2 === 1;
}

/** What a device's alias says. */
export interface Mark {
  readonly id: TapId;
  /** The target interfaces whose clsact qdisc a tap made. */
  readonly ownQdiscs: readonly string[];
  /** The interface that the device's packets are joined into with those of others. */
  readonly joinedInto?: string | undefined;
}

/** Marks what endpoints are joined into, which is no single tap's. */
export const joinedId: TapId = '000000000000';

/** The name of the device of an endpoint that is joined into another interface. */
export function joinedDeviceName(id: TapId): string {
  return `kt-${id}`;
}

/**
 * The alias that says a {@link Mark}: `kokotap:<tap id>`, and where taps made qdiscs `:clsact=eth0/net1` behind it (no
 * interface has a slash in its name). It names as many interfaces as it has room for; the handles name them all. A device
 * that is joined into `mirror` says `:joined=mirror`.
 */
export function aliasOf({ id, ownQdiscs, joinedInto }: Mark): string {
  const alias = `kokotap:${id}`;
  if (joinedInto !== undefined) return `${alias}:joined=${joinedInto}`;
  if (ownQdiscs.length === 0) return alias;
  const full = `${alias}:clsact=${ownQdiscs.join('/')}`;
  return full.length <= maxAliasLength ? full : full.slice(0, full.lastIndexOf('/', maxAliasLength));
}

/** Reads an alias; undefined when it is not a tap's. */
export function parseAlias(alias: string): Mark | undefined {
  const [, id, key, value] = /^kokotap:([0-9a-f]{12})(?::(clsact|joined)=(.+))?$/.exec(alias) ?? [];
  if (id === undefined) return undefined;
  if (key === 'joined') return { id, ownQdiscs: [], joinedInto: value };
  return { id, ownQdiscs: value?.split('/') ?? [] };
}

const lead = 0x6b;
const ownerBit = 0x80_0000;
/** Bytes; IFALIASZ less the end of the string. */
const maxAliasLength = 255;

function bitsOf(id: TapId): number {
  return Number.parseInt(id.slice(0, 6), 16) % ownerBit;
}

function pairs(hex: string): string[] {
  return hex.match(/../g) ?? [];
}
