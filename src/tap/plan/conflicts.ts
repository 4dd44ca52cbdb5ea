import { UserError } from '#src/errors.ts';
import { isTapHandle, joinedId, parseAlias } from '#src/tap/ownership/mark.ts';
import type { Desired, Filter, Link, Observed, OurFilter, Step } from '#src/tap/state.ts';
import { isOurs, isRight } from './ours.ts';

/** Removes dead taps' devices that are in the way, and our own when it cannot be made right by changing it. */
export function planClearing(desired: Desired, observed: Observed): Step[] {
  return observed.links.flatMap((link) => {
    if (!isInTheWay(link, desired)) return [];
    if (isOurs(link, desired)) return isRight(link, desired) ? [] : [{ do: 'delete link', link: link.name }];
    const owner = parseAlias(link.alias)?.id;
    if (owner !== undefined && !observed.liveTaps.has(owner)) return [{ do: 'delete link', link: link.name }];
    throw new UserError(conflict(link, desired, owner));
  });
}

/** The kernel keeps one kind of filter at a preference, and what another put there is not ours to share. */
export function refuseTaken(link: string, { hook, preference }: OurFilter, filters: readonly Filter[]): void {
  const other = filters.find(
    (filter) => filter.hook === hook && filter.preference === preference && !isTapHandle(filter.handle),
  );
  if (other !== undefined)
    throw new UserError(
      `Filter preference ${preference} at the ${hook} of ${link} is taken by a ${other.kind} filter that is not kokotap's: move that filter to another preference`,
    );
}

function isInTheWay(link: Link, { ifname, device }: Desired): boolean {
  const sameVni =
    device.kind === 'vxlan' && link.vxlan?.vni === device.vni && link.vxlan.port === device.port;
  return link.name === ifname || sameVni;
}

function conflict(link: Link, desired: Desired, owner: string | undefined): string {
  const { ifname } = desired;
  const where = whereIs(desired);
  const whose = whoseIs(owner);
  return link.name === ifname
    ? `Interface ${ifname} exists ${where} and ${whose}: delete it or choose another --ifname`
    : `VNI ${link.vxlan?.vni} is used by interface ${link.name} ${where}, which ${whose}: choose another --vxlan-id`;
}

function whoseIs(owner: string | undefined): string {
  if (owner === undefined) return "is not kokotap's";
  return owner === joinedId ? 'shows the packets of running taps' : `belongs to the running tap ${owner}`;
}

function whereIs({ role, inDestinationPod, isTunnel }: Desired): string {
  if (role === 'sender' && isTunnel !== true) return "in the target's network namespace";
  return inDestinationPod === true ? inDestinationPodWords : 'on this node';
}

/** How messages name that place. */
export const inDestinationPodWords = "in the destination pod's network namespace";
