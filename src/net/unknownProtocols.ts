import { UserError } from '#src/errors.ts';
import { type CompileOptions, compilePcapFilter, impossibleFilter } from './pcapFilter.ts';

/**
 * The compiler takes a protocol's name that it cannot look up for protocol 0, where there is no list of protocols. It does
 * not tell, but then 0 in the name's place makes the same program.
 *
 * @param program of the expression, compiled without optimization
 * @throws {UserError} for such a name
 */
export async function refuseUnknownProtocols(
  expression: string,
  program: string,
  options: CompileOptions,
): Promise<void> {
  if (!/\bproto(chain)?\b/.test(expression)) return;
  const words = new Set([...expression.matchAll(word)].map(([text]) => text));
  for (const name of words) {
    if (keywords.has(name) || namesOfZero.has(name.replace('\\', '').toLowerCase())) continue;
    const withZero = expression.replaceAll(word, (text) => (text === name ? '0' : text));
    if ((await compiledOrNot(withZero, options)) !== program) continue;
    const known = name.replace('\\', '');
    throw impossibleFilter(
      expression,
      `unknown ip proto '${known}': there is no list of protocols here, give its number`,
    );
  }
}

/** Undefined when the expression is none. */
async function compiledOrNot(expression: string, options: CompileOptions): Promise<string | undefined> {
  try {
    return await compilePcapFilter(expression, { ...options, optimize: false });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Of pcap-filter's language; a backslash makes a name of such a word. */
const word = /\\?[A-Za-z][\w.-]*/g;
/** Words that are no names of protocols, as far as they are usual. */
const keywords = new Set(
  'and or not host net port portrange src dst ether ip ip6 arp tcp udp sctp icmp icmp6 vlan proto protochain'.split(
    ' ',
  ),
);
const namesOfZero = new Set(['ip', 'hopopt']);
