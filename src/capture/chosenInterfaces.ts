import { parseAlias } from '#src/tap/ownership/mark.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from './notes.ts';

/** What has to be known of an interface to choose it. */
export interface Candidate {
  readonly name: string;
  readonly altNames: readonly string[];
  readonly type: string;
  readonly alias: string;
}

/** The interfaces to capture at, and what of those asked for cannot be. */
export interface Choice<Each extends Candidate> {
  readonly chosen: readonly (Each & { readonly linkType: number })[];
  /** In words; undefined: nothing is missing. */
  readonly missing: string | undefined;
}

/**
 * Chooses interfaces by any of their names. `all` are those that can be captured, without the mirror devices of taps:
 * their packets are those of the others once more.
 */
export function chooseInterfaces<Each extends Candidate>(
  wanted: readonly string[],
  there: readonly Each[],
): Choice<Each> {
  const readable = there.flatMap((each) => {
    const linkType = linkTypeOf(each.type);
    return linkType === undefined ? [] : [Object.assign({}, each, { linkType })];
  });
  if (wanted.includes('all')) {
    const chosen = readable.filter(({ alias }) => parseAlias(alias) === undefined);
    return { chosen, missing: chosen.length === 0 ? 'an interface' : undefined };
  }
  const named = (each: Each, name: string) => each.name === name || each.altNames.includes(name);
  const chosen = readable.filter((each) => wanted.some((name) => named(each, name)));
  const reasons = wanted
    .filter((name) => !chosen.some((each) => named(each, name)))
    .map((name) => {
      const other = there.find((each) => named(each, name));
      return other === undefined
        ? `interface ${name} (there are ${there.map((each) => each.name).join(', ')})`
        : `another kind of interface: ${name} is of type ${other.type}, which cannot be captured`;
    });
  return { chosen, missing: reasons.length === 0 ? undefined : reasons.join('; ') };
}

/** By iproute2's names. Interfaces without link headers have nothing but IP packets. */
function linkTypeOf(type: string): number | undefined {
  if (type === 'ether' || type === 'loopback') return LINKTYPE_ETHERNET;
  return RAW_TYPES.has(type) ? LINKTYPE_RAW : undefined;
}

const RAW_TYPES = new Set(['none', 'ipip', 'tunnel6', 'sit', 'gre', 'gre6', 'ppp', 'rawip']);
