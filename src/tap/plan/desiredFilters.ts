import { dropAll, dropFrom, matchAll } from '#src/filter/bpf.ts';
import { handleOf, isHandleOf, preferences } from '#src/tap/ownership/mark.ts';
import { aheadProgram, copyProgram, readReportProgram, seenProgram } from '#src/tap/programs/names.ts';
import type { Copies, Desired, Hook, Link, Observed, OurFilter } from '#src/tap/state.ts';
import { hooksOf } from '#src/tap/targets.ts';
import { holdsOf, isHeld, placesAhead } from './ahead.ts';
import { placesAt } from './inFront.ts';
import { classifier } from './ours.ts';

/**
 * Nothing comes in through a mirror device, and nothing but copies goes out. At the sender the eBPF program lets nothing
 * else go; without it the device's own packets are dropped by their address. What comes to a device that is joined into
 * another goes on there, and is dropped by that.
 */
export function deviceFilters(
  { id, mac, device, copies, object, joinedInto, isTunnel }: Desired,
  ahead: readonly { readonly hook: Hook }[],
): OurFilter[] {
  const direct = { handle: handleOf(id, true), action: 'direct' } as const;
  const dropped: OurFilter = {
    ...direct,
    hook: 'ingress',
    preference: preferences.filter,
    program: dropAll,
  };
  if (joinedInto !== undefined)
    return [{ ...dropped, program: matchAll, action: { redirectTo: joinedInto } }];
  if (copies === undefined && isTunnel !== true) return [dropped];
  if (object === undefined) return [dropped, { ...dropped, hook: 'egress', program: dropFrom(mac) }];
  const copy: OurFilter = {
    ...direct,
    hook: 'egress',
    preference: preferences.copy,
    program: copyProgram(object),
  };
  const readReport: OurFilter = {
    ...direct,
    hook: 'ingress',
    preference: preferences.readReport,
    program: readReportProgram(object),
  };
  if (copies === undefined) return [dropped, copy, readReport];
  const hooks = copies.hooks.filter((hook) => ahead.some((place) => place.hook === hook));
  const before = hooks.map((hook): OurFilter => ({
    ...direct,
    hook: 'ingress',
    preference: preferences.ahead[hook],
    program: aheadProgram(object, hook),
  }));
  if (hooks.length > 0 && copies.matching !== matchAll)
    before.push({ ...dropped, hook: 'egress', program: copies.dropping });
  if (device.kind === 'macvlan') return [dropped, ...before]; // the rest is at the device below
  return device.kind === 'veth' ? [dropped, copy, ...before] : [dropped, copy, readReport, ...before];
}

/** What is copied is counted before. Where the tap is ahead of all filters, it has none. */
export function copyFilters(
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
