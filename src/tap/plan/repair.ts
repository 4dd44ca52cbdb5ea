import { UserError } from '#src/errors.ts';
import { holdsOf, isHeld, placesAhead } from './ahead.ts';
import { dropAll, dropFrom, matchAll } from '#src/filter/bpf.ts';
import { placesAt } from './inFront.ts';
import {
  aliasOf,
  handleOf,
  isHandleOf,
  isTapHandle,
  macOf,
  parseAlias,
  preferences,
  saysOwned,
} from '#src/tap/ownership/mark.ts';
import { aheadProgram, copyProgram, heardProgram, seenProgram } from '#src/tap/programs/programs.ts';
import type {
  Classifier,
  Copies,
  Filter,
  Hook,
  Link,
  Observed,
  OurFilter,
  Step,
  Vxlan,
  Desired,
} from '#src/tap/state.ts';
import { hooksOf, missingTargets, targetLinks } from '#src/tap/targets.ts';

/** The way from the observed state to the desired one. */
export interface Plan {
  readonly steps: readonly Step[];
  /** What has to appear first and is not this agent's to make. */
  readonly missing?: string;
}

/**
 * Plans what makes one end of a tap be as desired. No steps: it is. The same plan serves the first start, a start
 * over what a killed agent left, and a repair.
 *
 * @throws {UserError} when something that is not ours is in the way; nothing of it is ever replaced.
 */
export function planRepairs(desired: Desired, observed: Observed): Plan {
  const { copies, ifname } = desired;
  const missing = missingTargets(copies, observed);
  if (missing !== undefined) return { steps: planLeaving(desired, observed, []), missing };

  const targets = targetLinks(copies, observed);
  const cleared = planClearing(desired, observed);
  const found = cleared.length === 0 ? observed.links.find(({ name }) => name === ifname) : undefined;
  if (found === undefined && desired.device.kind === 'veth' && desired.role === 'receiver')
    return { steps: cleared, missing: `device ${ifname}, which the sender makes` };

  const owns = (link: Link) => ownsQdisc(desired, observed, link.name);
  const filtersOf = (link: Link) =>
    copies === undefined ? [] : copyFilters(desired, copies, link, observed, owns(link));
  const ownQdiscs = targets
    .filter((link) => owns(link) && filtersOf(link).length > 0)
    .map(({ name }) => name);
  const alias = aliasOf({ id: desired.id, ownQdiscs });
  return {
    steps: [
      ...planLeaving(desired, observed, targets),
      ...cleared,
      ...(found === undefined ? [addDevice(desired, pairMtu(targets))] : []),
      ...(found?.alias === alias ? [] : [{ do: 'set alias', link: ifname, alias } as const]),
      ...(found?.silent === true ? [] : [{ do: 'silence', link: ifname } as const]),
      ...(isPairOf(desired)
        ? planPair(ifname, pairMtu(targets), found && observed, found)
        : planMtu(desired, found)),
      ...planMerging(desired, found === undefined ? undefined : observed.merging),
      ...planQdiscs(desired, observed, [found ?? { name: ifname, hasQueue: true }]),
      ...planFilters(desired, observed, ifname, deviceFilters(desired, placesAhead(desired, observed))),
      ...planBlackhole(desired, found && observed.classifiers[ifname]),
      ...(found?.up === true ? [] : [{ do: 'set up', link: ifname } as const]),
      // One interface after the other: whatever ends the agent, the handles of its filters mark each qdisc but the last.
      ...targets.flatMap((link) => {
        const needed = filtersOf(link);
        if (needed.length === 0) return planCleaning(desired, observed, link.name);
        return planQdiscs(desired, observed, [link]).concat(
          planFilters(desired, observed, link.name, needed),
        );
      }),
    ],
  };
}

/**
 * Plans the end of the tap: what is its own goes, everything else stays as it is. The device goes first, and with it all
 * copying: the kernel takes it out of the filters that copy to it, which then do nothing. No steps: nothing is left.
 */
export function planRemoval(desired: Desired, observed: Observed): readonly Step[] {
  const { ifname } = desired;
  const mirror = observed.links.find((link) => link.name === ifname && isOurs(link, desired));
  const names = Object.keys(observed.classifiers).filter((name) => name !== mirror?.name);
  return [
    ...(mirror === undefined ? [] : [{ do: 'delete link', link: ifname } as const]),
    ...names.flatMap((name) => planCleaning(desired, observed, name)),
  ];
}

/**
 * Plans the way back from a convergence that failed: what of this tap is there now and was not there before goes.
 *
 * @param before what was observed before its first step
 */
export function planUndo(desired: Desired, before: Observed, now: Observed): readonly Step[] {
  const mirror = now.links.find(
    (link) =>
      link.name === desired.ifname &&
      isOurs(link, desired) &&
      !before.links.some(({ name, mac }) => name === link.name && mac === link.mac),
  );
  const names = Object.keys(now.classifiers).filter((name) => name !== mirror?.name);
  return [
    ...(mirror === undefined ? [] : [{ do: 'delete link', link: mirror.name } as const]),
    ...names.flatMap((name) => undoOn(name, desired, before, now)),
  ];
}

function undoOn(link: string, { id }: Desired, before: Observed, now: Observed): Step[] {
  const was = classifier(before.classifiers[link]);
  const { qdisc, filters } = classifier(now.classifiers[link]);
  const made = filters.filter(
    (filter) => isHandleOf(id, filter.handle) && !was.filters.some((other) => isSamePlace(filter, other)),
  );
  const madeQdisc = was.qdisc === 'none' && qdisc === 'clsact' && made.length === filters.length;
  if (!madeQdisc) return made.map((filter) => deleteFilter(link, filter));
  const hadQueue = before.links.find(({ name }) => name === link)?.hasQueue !== false;
  return [{ do: 'delete clsact', link }, ...(hadQueue ? [] : [{ do: 'remove queue', link } as const])];
}

/** Takes our filters off interfaces that are no target, or no more: one was renamed, and still copies. */
function planLeaving(desired: Desired, observed: Observed, targets: readonly Link[]): Step[] {
  const kept = new Set([desired.ifname, ...targets.map(({ name }) => name)]);
  return Object.keys(observed.classifiers)
    .filter((name) => !kept.has(name))
    .flatMap((name) => planCleaning(desired, observed, name));
}

/** Takes our filters off an interface, and a qdisc that a tap made, unless another's filter is on it. */
function planCleaning(desired: Desired, observed: Observed, link: string): Step[] {
  const { qdisc, filters } = classifier(observed.classifiers[link]);
  const ours = filters.filter(({ handle }) => isHandleOf(desired.id, handle));
  const isLast = ours.length === filters.length;
  // The qdisc takes its filters with it.
  if (qdisc === 'clsact' && isLast && ownsQdisc(desired, observed, link))
    return [{ do: 'delete clsact', link }];
  return ours.map((filter) => deleteFilter(link, filter));
}

/** Removes dead taps' devices that are in the way, and our own when it cannot be made right by changing it. */
function planClearing(desired: Desired, observed: Observed): Step[] {
  return observed.links.flatMap((link) => {
    if (!isInTheWay(link, desired)) return [];
    if (isOurs(link, desired)) return isRight(link, desired) ? [] : [{ do: 'delete link', link: link.name }];
    const owner = parseAlias(link.alias)?.id;
    if (owner !== undefined && !observed.liveTaps.has(owner)) return [{ do: 'delete link', link: link.name }];
    throw new UserError(conflict(link, desired, owner));
  });
}

function isInTheWay(link: Link, { ifname, device }: Desired): boolean {
  const sameVni =
    device.kind === 'vxlan' && link.vxlan?.vni === device.vni && link.vxlan.port === device.port;
  return link.name === ifname || sameVni;
}

function isOurs(link: Link, { id, mac }: Desired): boolean {
  const mark = parseAlias(link.alias);
  return mark === undefined ? link.alias === '' && link.mac === mac : mark.id === id;
}

function isRight(link: Link, { ifname, mac, device }: Desired): boolean {
  if (link.name !== ifname || link.mac !== mac || link.kind !== device.kind) return false;
  return device.kind === 'veth' || (link.vxlan !== undefined && sameVxlan(link.vxlan, device));
}

function sameVxlan(a: Vxlan, b: Vxlan): boolean {
  return (
    a.vni === b.vni &&
    a.port === b.port &&
    a.local === b.local &&
    a.remote === b.remote &&
    a.udpChecksum === b.udpChecksum
  );
}

function conflict(link: Link, { ifname, role }: Desired, owner: string | undefined): string {
  const where = role === 'sender' ? "in the target's network namespace" : 'on this node';
  const whose = owner === undefined ? "is not kokotap's" : `belongs to the running tap ${owner}`;
  return link.name === ifname
    ? `Interface ${ifname} exists ${where} and ${whose}: delete it or choose another --ifname`
    : `VNI ${link.vxlan?.vni} is used by interface ${link.name} ${where}, which ${whose}: choose another --vxlan-id`;
}

function addDevice({ id, ifname, mac, device }: Desired, mtuBytes: number): Step {
  if (device.kind === 'veth')
    return { do: 'add veth pair', link: ifname, mac, peerMac: macOf(id, 'receiver'), mtuBytes };
  const { kind: _, ...vxlan } = device;
  return { do: 'add vxlan', link: ifname, mac, vxlan };
}

function planMtu({ ifname, mtuBytes }: Desired, found: Link | undefined): Step[] {
  return mtuBytes === undefined || found?.mtuBytes === mtuBytes
    ? []
    : [{ do: 'set mtu', link: ifname, mtuBytes }];
}

function isPairOf({ role, device }: Desired): boolean {
  return role === 'sender' && device.kind === 'veth';
}

/** That of the targets, for a pair drops what is larger; it has no more than 65535, one less than lo. */
function pairMtu(targets: readonly Link[]): number {
  return Math.min(65_535, Math.max(...targets.map(({ mtuBytes }) => mtuBytes), leastMtuBytes));
}

/** A pair hands over packets as they are: those that a network card was to finish are finished in front of it. */
function planPair(
  link: string,
  mtuBytes: number,
  observed: Observed | undefined,
  found: Link | undefined,
): Step[] {
  return [
    ...(found === undefined || found.mtuBytes === mtuBytes
      ? []
      : [
          { do: 'set mtu of other half', link, mtuBytes } as const, // each half drops what is larger than its own
          { do: 'set mtu', link, mtuBytes } as const,
        ]),
    ...(observed?.unfinished === false ? [] : [{ do: 'finish packets', link } as const]),
  ];
}

/** A receiver's VXLAN device is not to merge copies: that costs more than it saves captures. */
function planMerging({ ifname, role, device }: Desired, merging: boolean | undefined): Step[] {
  return role === 'receiver' && device.kind === 'vxlan' && merging !== false
    ? [{ do: 'stop merging', link: ifname }]
    : [];
}

/** What a receiver's device is to send is dropped where it is not counted: what is counted came from the sender. */
function planBlackhole({ ifname, role }: Desired, found: Classifier | undefined): Step[] {
  return role === 'receiver' && found?.blackhole !== true ? [{ do: 'add blackhole', link: ifname }] : [];
}

/**
 * Nothing comes in through a mirror device, and nothing but copies goes out. At the sender the eBPF program lets nothing
 * else go; without it the device's own packets are dropped by their address.
 */
function deviceFilters(
  { id, mac, device, copies, object }: Desired,
  ahead: readonly { readonly hook: Hook }[],
): OurFilter[] {
  const direct = { handle: handleOf(id, true), action: 'direct' } as const;
  const dropped: OurFilter = {
    ...direct,
    hook: 'ingress',
    preference: preferences.filter,
    program: dropAll,
  };
  if (copies === undefined) return [dropped];
  if (object === undefined) return [dropped, { ...dropped, hook: 'egress', program: dropFrom(mac) }];
  const copy: OurFilter = {
    ...direct,
    hook: 'egress',
    preference: preferences.copy,
    program: copyProgram(object),
  };
  const hooks = copies.hooks.filter((hook) => ahead.some((place) => place.hook === hook));
  const before = hooks.map((hook): OurFilter => ({
    ...direct,
    hook: 'ingress',
    preference: preferences.ahead[hook],
    program: aheadProgram(object, hook),
  }));
  if (hooks.length > 0 && copies.matching !== matchAll)
    before.push({ ...dropped, hook: 'egress', program: copies.dropping });
  if (device.kind === 'veth') return [dropped, copy, ...before];
  return [
    dropped,
    copy,
    { ...direct, hook: 'ingress', preference: preferences.heard, program: heardProgram(object) },
    ...before,
  ];
}

/** What is copied is counted before. Where the tap is ahead of all filters, it has none. */
function copyFilters(
  desired: Desired,
  { hooks, matching }: Copies,
  link: Link,
  observed: Observed,
  owned: boolean,
): OurFilter[] {
  const { id, ifname, object } = desired;
  const handle = handleOf(id, owned);
  const { filters } = classifier(observed.classifiers[link.name]);
  const behind = hooksOf(link, hooks).filter((hook) => {
    const isAhead = placesAhead(desired, observed).some(
      (place) => place.ifname === link.name && place.hook === hook,
    );
    // Those that are there stay until the tap is ahead.
    const isThere = filters.some((filter) => filter.hook === hook && isHandleOf(id, filter.handle));
    const hold = holdsOf(desired, observed).find((each) => each.ifname === link.name && each.hook === hook);
    return !isAhead || (isThere && (hold === undefined || !isHeld(hold, observed)));
  });
  return behind.flatMap((hook): OurFilter[] => {
    const { seen, filter } = placesAt(hook, classifier(observed.classifiers[link.name]));
    const copy = { hook, handle, preference: filter, program: matching, action: { copyTo: ifname } };
    if (object === undefined) return [copy];
    const program = seenProgram(object, hook);
    return [{ hook, handle, preference: seen, program, action: 'direct' }, copy];
  });
}

/**
 * Makes the qdiscs that filters are to be on. With any qdisc the kernel gives a device without a queue one of 1000 packets
 * (qdisc_create, "Caught tx_queue_len zero misconfig"), and would leave it so.
 */
function planQdiscs(
  desired: Desired,
  observed: Observed,
  links: readonly Pick<Link, 'name' | 'hasQueue'>[],
): Step[] {
  const bare = links.filter(({ name }) => seenOn(desired, observed, name).qdisc === 'none');
  const withoutQueue = bare.filter(({ hasQueue }) => !hasQueue);
  return [
    ...bare.map(({ name }) => ({ do: 'add clsact', link: name }) as const),
    ...withoutQueue.map(({ name }) => ({ do: 'remove queue', link: name }) as const),
  ];
}

function planFilters(
  desired: Desired,
  observed: Observed,
  link: string,
  needed: readonly OurFilter[],
): Step[] {
  const { qdisc, filters } = seenOn(desired, observed, link);
  if (qdisc === 'ingress' && needed.some(({ hook }) => hook === 'egress'))
    throw new UserError(
      `Interface ${link} has an ingress qdisc that is not kokotap's, so what it sends cannot be copied: remove that qdisc or choose --mirrortype=ingress`,
    );
  const ours = filters.filter(({ handle }) => isHandleOf(desired.id, handle));
  const wrong = ours.filter((filter) => !needed.some((other) => sameFilter(filter, other)));
  const absent = needed.filter((filter) => !ours.some((other) => sameFilter(other, filter)));
  for (const filter of absent) refuseTaken(link, filter, filters);
  const inPlace = (filter: Filter) => absent.some((other) => isSamePlace(filter, other));
  const leaving = [
    ...wrong.filter((filter) => !inPlace(filter)),
    ...filters.filter((filter) => isLeftOver(filter, desired, observed)),
  ];
  return [
    ...leaving.map((filter) => deleteFilter(link, filter)),
    ...absent.map((filter): Step => {
      const isThere = wrong.some((other) => isSamePlace(other, filter));
      return { do: isThere ? 'replace filter' : 'add filter', link, filter };
    }),
  ];
}

/** A device that is about to be made anew has nothing on it, whatever is seen on the old one. */
function seenOn(desired: Desired, observed: Observed, link: string): Classifier {
  const fresh =
    link === desired.ifname &&
    !observed.links.some((seen) => isOurs(seen, desired) && isRight(seen, desired));
  return classifier(fresh ? undefined : observed.classifiers[link]);
}

/** A dead tap's filter that copies to a device that is gone, or that is about to be ours. */
function isLeftOver(
  { handle, action }: Filter,
  { id, ifname }: Desired,
  { links, liveTaps }: Observed,
): boolean {
  if (
    !isTapHandle(handle) ||
    isHandleOf(id, handle) ||
    [...liveTaps].some((live) => isHandleOf(live, handle))
  )
    return false;
  const copyTo = typeof action === 'object' ? action.copyTo : undefined;
  return copyTo === ifname || !links.some(({ name }) => name === copyTo);
}

/** The kernel keeps one kind of filter at a preference, and what another put there is not ours to share. */
function refuseTaken(link: string, { hook, preference }: OurFilter, filters: readonly Filter[]): void {
  const other = filters.find(
    (filter) => filter.hook === hook && filter.preference === preference && !isTapHandle(filter.handle),
  );
  if (other !== undefined)
    throw new UserError(
      `Filter preference ${preference} at the ${hook} of ${link} is taken by a ${other.kind} filter that is not kokotap's: move that filter to another preference`,
    );
}

function sameFilter(a: Filter, b: OurFilter): boolean {
  return (
    a.hook === b.hook &&
    a.preference === b.preference &&
    a.handle === b.handle &&
    a.program === b.program &&
    (typeof b.action === 'string'
      ? a.action === b.action
      : typeof a.action === 'object' && a.action.copyTo === b.action.copyTo)
  );
}

type Place = Pick<Filter, 'hook' | 'preference' | 'handle'>;

function isSamePlace(a: Place, b: Place): boolean {
  return a.hook === b.hook && a.preference === b.preference && a.handle === b.handle;
}

function deleteFilter(link: string, { hook, preference, handle = 0 }: Filter): Step {
  return { do: 'delete filter', link, hook, preference, handle };
}

/**
 * A tap made the qdisc of an interface when its marks say so, when this agent remembers it, or when it is about to make
 * it. Each mark outlives the loss of the other: the alias goes with the device, the handles go with the filters.
 */
function ownsQdisc({ id, ifname, ownQdiscs }: Desired, observed: Observed, target: string): boolean {
  const { qdisc, filters } = classifier(observed.classifiers[target]);
  const mark = parseAlias(observed.links.find(({ name }) => name === ifname)?.alias ?? '');
  return (
    qdisc === 'none' ||
    ownQdiscs.has(target) ||
    (mark?.id === id && mark.ownQdiscs.includes(target)) ||
    filters.some(({ handle }) => saysOwned(handle))
  );
}

/** Of a pair whose targets have less, or are all gone. */
const leastMtuBytes = 1500;

function classifier(seen: Classifier | undefined): Classifier {
  return seen ?? { qdisc: 'none', filters: [] };
}
