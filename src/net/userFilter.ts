import { UserError } from '#src/errors.ts';
import { formatProgram, parseProgram } from '#src/tap/classicBpf.ts';
import { whyRefused } from '#src/tap/filterRefusals.ts';
import { withTagBeside } from '#src/tap/vlanTags.ts';
import { type CompileOptions, compilePcapFilter, impossibleFilter } from './pcapFilter.ts';

/**
 * Compiles what a user asks for with `--filter` to classic BPF in tc's notation, for packets as they are where the kernel
 * classifies them, and refuses what would be something else than it says.
 *
 * @throws {UserError} with the reason and what to do
 */
export async function compileUserFilter(expression: string, options: CompileOptions = {}): Promise<string> {
  const plain = await compilePcapFilter(expression, { ...options, optimize: false });
  const refusal = whyRefused(expression, parseProgram(plain));
  if (refusal !== undefined) throw impossibleFilter(expression, refusal);
  await refuseUnknownProtocols(expression, plain, options);
  const program = withTagBeside(parseProgram(await compilePcapFilter(expression, options)));
  if (program === undefined) throw impossibleFilter(expression, tagInPieces);
  return formatProgram(program);
}

const tagInPieces =
  "it reads bytes in which a VLAN tag may begin or end, or the frame's header at a computed place: ask for ether[12:2], ether[14:2] and what follows one by one, at fixed places";

/**
 * The compiler takes a protocol's name that it cannot look up for protocol 0, where there is no list of protocols. It does
 * not tell, but then 0 in the name's place makes the same program.
 */
async function refuseUnknownProtocols(
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
      `the protocol '${known}' is not known where the filter is compiled: give its number`,
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
