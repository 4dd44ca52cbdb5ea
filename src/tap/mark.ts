/**
 * How kokotap marks what it owns in a kernel, so that it is found again after a crash and nothing else is ever
 * touched: devices by their hardware address (set at creation) and alias (for people), filters by their handle.
 */

/** A tap as its devices and filters name it: 12 hexadecimal digits. */
export type TapId = string;

/** Which of the two pods set a device up. */
export type Role = 'sender' | 'receiver';

/** Preference (priority) of every filter of ours: early, but not 1, which people type themselves. */
export const filterPreference = 7;

/** The hardware address of a tap's device: locally administered, told apart by role, and the same at every start. */
export function macOf(id: TapId, role: Role): string {
  const lead = role === 'sender' ? ['02', '6b'] : ['06', '6b'];
  return [...lead, ...pairs(id).slice(0, 4)].join(':');
}

/** The handle of a tap's filters: `ko` in ASCII, then 16 bits of the tap id. cls_bpf takes 31 bits. */
export function handleOf(id: TapId): number {
  return 0x6b6f_0000 + Number.parseInt(id.slice(0, 4), 16);
}

/** Whether a filter's handle is one of any tap's. */
export function isTapHandle(handle: number): boolean {
  return Math.floor(handle / 0x1_0000) === 0x6b6f;
}

/** What a device's alias says. */
export interface Mark {
  readonly id: TapId;
  /** The tap made the clsact qdisc on the target interface, so it also removes it. */
  readonly ownsQdisc: boolean;
}

/** The alias that says a {@link Mark}: `kokotap:<tap id>`, with `:clsact` behind it when the tap owns that qdisc. */
export function aliasOf({ id, ownsQdisc }: Mark): string {
  return `kokotap:${id}${ownsQdisc ? ':clsact' : ''}`;
}

/** Reads an alias; undefined when it is not a tap's. */
export function parseAlias(alias: string): Mark | undefined {
  const match = /^kokotap:([0-9a-f]{12})(:clsact)?$/.exec(alias);
  return match?.[1] === undefined ? undefined : { id: match[1], ownsQdisc: match[2] !== undefined };
}

function pairs(hex: string): string[] {
  return hex.match(/../g) ?? [];
}
