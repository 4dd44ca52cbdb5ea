/**
 * Which of a node's netfilter rules want to treat the packets of a tunnel on their way out: copies that go past the IP stack
 * would miss them.
 */

import type { Tunnel } from '#src/tap/state.ts';

/**
 * The first rule that names the tunnel's port or its peer, of those that the hooks output and postrouting lead to; undefined
 * when there is none. A rule that only lets packets pass does not count.
 *
 * @param ruleset `nft --numeric --stateless list ruleset` of nftables 1.0.6
 * @param tunnel over IPv4
 */
export function ruleNaming(ruleset: string, tunnel: Pick<Tunnel, 'port' | 'remote'>): string | undefined {
  for (const { chains, sets } of parseTables(ruleset)) {
    for (const name of reachable(chains, sets)) {
      const rule = chains.get(name)?.find((line) => names(withSets(line, sets), tunnel) && !isPass(line));
      if (rule !== undefined) return rule;
    }
  }
  return undefined;
}

interface Table {
  /** The lines of each chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** The text of each set and map. */
  readonly sets: ReadonlyMap<string, string>;
}

function parseTables(ruleset: string): Table[] {
  return ruleset.split(/^(?=table )/m).flatMap((table) => {
    // Copies over IPv4 pass rules of these families.
    if (!/^table (?:ip|inet) /.test(table)) return [];
    const chains = new Map<string, readonly string[]>();
    const sets = new Map<string, string>();
    for (const [, kind, name = '', body = ''] of table.matchAll(
      /^\t(chain|set|map) (\S+) \{\n([^]*?)^\t\}/gm,
    )) {
      if (kind === 'chain') chains.set(name, body.split('\n').map(plainRule));
      else sets.set(name, body);
    }
    return [{ chains, sets }];
  });
}

/** Without names that people gave: comments and prefixes of logs. */
function plainRule(line: string): string {
  return line.replaceAll(/"[^"]*"/g, '""').trim();
}

function isBase(lines: readonly string[]): boolean {
  return lines.some((line) => /^type \S+ hook (?:output|postrouting) /.test(line));
}

/** The chains that packets may come to on their way out. */
function reachable(chains: Table['chains'], sets: Table['sets']): Set<string> {
  const found = new Set([...chains].flatMap(([name, lines]) => (isBase(lines) ? [name] : [])));
  for (const name of found) {
    const text = (chains.get(name) ?? []).map((line) => withSets(line, sets)).join('\n');
    for (const [, to = ''] of text.matchAll(/\b(?:jump|goto) ([^\s,}]+)/g)) found.add(to);
  }
  return found;
}

/** With the elements of the sets that a rule looks into. */
function withSets(line: string, sets: Table['sets']): string {
  return line.replaceAll(/@(\S+)/g, (word, name: string) => {
    const set = sets.get(name);
    return set === undefined ? word : `{ ${set.replaceAll(/\s+/g, ' ')} }`;
  });
}

function names(rule: string, { port, remote }: Pick<Tunnel, 'port' | 'remote'>): boolean {
  const words = rule.match(/[\w.:/-]+/g) ?? [];
  const isOfPort = /\b(?:udp|th|udplite) dport\b|@th,|@nh,|@ih,/.test(rule);
  const isOfPeer = /\bdaddr\b(?! !=)|@nh,/.test(rule);
  return words.some(
    (word) => (isOfPort && holdsNumber(word, port)) || (isOfPeer && holdsAddress(word, remote)),
  );
}

/** Whether a word is a number, or a range with it. */
function holdsNumber(word: string, number: number): boolean {
  const [from, to = from] = word.split('-').map(Number);
  return from !== undefined && to !== undefined && from <= number && number <= to;
}

/** Whether a word is an address, or a prefix or range with it. */
function holdsAddress(word: string, address: string): boolean {
  const asked = numberOf(address);
  const [, from, to, bits] = /^([\d.]+)(?:-([\d.]+)|\/(\d+))?$/.exec(word) ?? [];
  const first = numberOf(from);
  if (asked === undefined || first === undefined) return false;
  const last = to === undefined ? first + 2 ** (32 - Number(bits ?? 32)) - 1 : numberOf(to);
  return last !== undefined && first <= asked && asked <= last;
}

function numberOf(address = ''): number | undefined {
  const parts = address.split('.').map(Number);
  return parts.length === 4 ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined;
}

/** Whether all that a rule does is to let a packet pass, count it, or keep it out of connection tracking, as the bypass does. */
function isPass(rule: string): boolean {
  return (
    /\b(?:accept|return|notrack)(?: comment "")?$/.test(rule) &&
    !/\b(?:mark set|masquerade|snat|dnat|log|dup|fwd|queue)\b/.test(rule)
  );
}
