/**
 * Target interfaces that carry nothing while others of the target do: what a virtual machine in a pod sends passes another
 * one than eth0, for example.
 */

import { parseAlias } from '#src/tap/ownership/mark.ts';
import { isNamed } from '#src/tap/targets.ts';
import type { Copies, Link, Observed } from '#src/tap/state.ts';

/** Packets of an interface, in both directions. */
export interface Carried {
  /** Since the tap is there. */
  readonly lately: (ifname: string) => number;
  /** Since the interface is there. */
  readonly ever: (ifname: string) => number;
}

/** An interface that had fewer lately does not show that one without any is the wrong one. */
const leastPackets = 100;

/**
 * Says which targets are down, or carry nothing while others carry something; undefined: none. A tap of all interfaces
 * has no wrong ones.
 */
export function idleTargets(
  copies: Pick<Copies, 'from'> | undefined,
  observed: Pick<Observed, 'links' | 'liveTaps'>,
  { lately, ever }: Carried,
): string | undefined {
  if (copies === undefined || copies.from === 'all') return undefined;
  const { from } = copies;
  const targets = observed.links.filter((link) => from.some((name) => isNamed(link, name)));
  const others = observed.links.filter((link) => link.up && !targets.includes(link) && isOrdinary(link));
  const busy = others.filter(({ name }) => lately(name) >= leastPackets);
  const idle = targets.filter(({ name, up }) => !up || (busy.length > 0 && lately(name) === 0));
  if (idle.length === 0) return undefined;
  const said = idle.map(({ name, up }) => `${name} ${up ? 'carries nothing' : 'is down'}`).join(' and ');
  const meant = busy.length > 0 ? busy : others.filter(({ name }) => ever(name) > 0);
  if (meant.length === 0) return said;
  const names = meant.map(({ name }) => name).join(', ');
  return `${said}, while packets pass ${names}: if that is meant, give it with --pod-ifname`;
}

/** Neither the loopback nor a tap's own. */
export function isOrdinary({ type, alias }: Link): boolean {
  return type === 'ether' && parseAlias(alias) === undefined;
}
