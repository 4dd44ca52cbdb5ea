import { joinedId, macOf, parseAlias, type TapId } from '#src/tap/ownership/mark.ts';
import type { Desired, Link, Observed, Step } from '#src/tap/state.ts';
import { isOurs } from './ours.ts';

/**
 * The interface that several endpoints of a receiver are joined into: each has a device of its own, whose ingress goes on
 * at the ingress of this one, where captures see all of them. It is of no single tap: whichever endpoint comes first makes it,
 * and the last one to leave takes it away.
 */
export function desiredJoined({ joinedInto, inDestinationPod }: Desired): Desired | undefined {
  if (joinedInto === undefined) return undefined;
  return {
    id: joinedId,
    role: 'receiver',
    ifname: joinedInto,
    mac: macOf(joinedId, 'receiver'),
    inDestinationPod,
    device: { kind: 'ifb' },
    mtuBytes: undefined,
    object: undefined,
    needsObject: false,
    copies: undefined,
    ownQdiscs: new Set(),
  };
}

/** Whether a device is joined into an interface of that name. */
function isMemberOf(link: Link, joined: string): boolean {
  return parseAlias(link.alias)?.joinedInto === joined;
}

/** With {@link joinedId} where something is joined by a tap that has an agent. */
export function withLiveJoined(liveTaps: ReadonlySet<TapId>, links: readonly Link[]): ReadonlySet<TapId> {
  const isLive = links.some(({ alias }) => {
    const mark = parseAlias(alias);
    return mark?.joinedInto !== undefined && liveTaps.has(mark.id);
  });
  return isLive ? new Set([...liveTaps, joinedId]) : liveTaps;
}

/**
 * Plans the removal of joined interfaces that nothing is joined into any more.
 *
 * @param names of those that may go; undefined: any
 * @param leaving the devices that are about to go
 */
export function planUnjoined(
  { links }: Pick<Observed, 'links'>,
  leaving: ReadonlySet<string>,
  names?: ReadonlySet<string>,
): Step[] {
  const staying = links.filter(({ name }) => !leaving.has(name));
  return staying
    .filter((link) => isJoined(link) && (names === undefined || names.has(link.name)))
    .filter(({ name }) => !staying.some((link) => isMemberOf(link, name)))
    .map(({ name }) => ({ do: 'delete link', link: name }));
}

function isJoined(link: Link): boolean {
  const mark = { id: joinedId, mac: macOf(joinedId, 'receiver') };
  return link.kind === 'ifb' && isOurs(link, mark);
}
