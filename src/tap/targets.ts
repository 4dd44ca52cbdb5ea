import { UserError } from '#src/errors.ts';
import { joinedId, macsOf, parseAlias } from '#src/tap/ownership/mark.ts';
import type { Copies, Hook, Link, Observed } from './state.ts';

/** What decides which links are targets. */
type Seen = Pick<Observed, 'links' | 'liveTaps'>;

/** The links whose packets are copied, of those that there are. */
export function targetLinks(copies: Copies | undefined, { links, liveTaps }: Seen): readonly Link[] {
  if (copies === undefined) return [];
  const { from } = copies;
  if (from !== 'all') return links.filter((link) => from.some((name) => isNamed(link, name)));
  const macs = new Set([...liveTaps, joinedId].flatMap(macsOf));
  // A mirror device has its address from the beginning, its alias a moment later.
  return links.filter(
    (link) => hasFrames(link) && parseAlias(link.alias) === undefined && !macs.has(link.mac),
  );
}

/**
 * Which of the interfaces named are not there; undefined when all are.
 *
 * @throws {UserError} for one whose packets have no Ethernet header: nobody could read their copies.
 */
export function missingTargets(copies: Copies | undefined, { links }: Seen): string | undefined {
  if (copies === undefined || copies.from === 'all') return undefined;
  const { from } = copies;
  const missing = from.filter((name) => !links.some((link) => isNamed(link, name)));
  for (const link of links.filter((each) => from.some((name) => isNamed(each, name)))) {
    if (!hasFrames(link))
      throw new UserError(
        `Interface ${link.name} has no Ethernet header on its packets (it is of type ${link.type}), so their copies could not be read: leave it out of --pod-ifname`,
      );
  }
  if (missing.length === 0) return undefined;
  const names = links.map(({ name, altNames }) => (altNames ? `${name} (${altNames.join(', ')})` : name));
  return `interface ${missing.join(' and ')} of the target, which has ${names.join(', ')}`;
}

/** What is sent through lo is received there at once: both hooks would give each packet twice. */
export function hooksOf({ type }: Link, hooks: readonly Hook[]): readonly Hook[] {
  return type === 'loopback' && hooks.length > 1 ? ['ingress'] : hooks;
}

/** Also by another name of the interface's, as `ip` and `tcpdump` take it. */
export function isNamed({ name, altNames = [] }: Link, asked: string): boolean {
  return name === asked || altNames.includes(asked);
}

function hasFrames({ type }: Pick<Link, 'type'>): boolean {
  return type === 'ether' || type === 'loopback';
}
