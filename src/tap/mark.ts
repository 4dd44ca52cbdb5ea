/**
 * How kokotap marks what it owns in a kernel, so that it is found again after a crash and nothing else is ever
 * touched: devices by their hardware address (set at creation) and alias (for people), filters by their handle.
 */

/** A tap as its devices and filters name it: 12 hexadecimal digits. */
export type TapId = string;

/** Which of the two pods set a device up. */
export type Role = 'sender' | 'receiver';

/** Preference (priority) of our filters but one: early, but not 1, which people type themselves. */
export const filterPreference = 7;

/** Preference of the mirror program, behind the other filters of a mirror device. */
export const programPreference = 8;

/** The hardware address of a tap's device: locally administered, told apart by role, and the same at every start. */
export function macOf(id: TapId, role: Role): string {
  const lead = role === 'sender' ? ['02', '6b'] : ['06', '6b'];
  return [...lead, ...pairs(id).slice(0, 4)].join(':');
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
  /** A tap made the clsact qdisc of the target interface. */
  readonly ownsQdisc: boolean;
}

/** The alias that says a {@link Mark}: `kokotap:<tap id>`, with `:clsact` behind it when a tap made that qdisc. */
export function aliasOf({ id, ownsQdisc }: Mark): string {
  return `kokotap:${id}${ownsQdisc ? ':clsact' : ''}`;
}

/** Reads an alias; undefined when it is not a tap's. */
export function parseAlias(alias: string): Mark | undefined {
  const match = /^kokotap:([0-9a-f]{12})(:clsact)?$/.exec(alias);
  return match?.[1] === undefined ? undefined : { id: match[1], ownsQdisc: match[2] !== undefined };
}

const lead = 0x6b;
const ownerBit = 0x80_0000;

function bitsOf(id: TapId): number {
  return Number.parseInt(id.slice(0, 6), 16) % ownerBit;
}

function pairs(hex: string): string[] {
  return hex.match(/../g) ?? [];
}
