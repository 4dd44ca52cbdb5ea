import { unless, verdictOn } from '#src/filter/bpf.ts';
import { formatProgram, parseProgram } from '#src/filter/classicBpf.ts';
import { ebpfFilter } from '#src/filter/ebpfFilter.ts';
import { filterGraph, matchesAnything } from '#src/filter/filterGraph.ts';
import { whyRefused } from '#src/filter/filterRefusals.ts';
import { withTagBeside } from '#src/filter/vlanTags.ts';
import { type CompileOptions, compilePcapFilter, impossibleFilter } from './pcapFilter.ts';
import { refuseUnknownProtocols } from './unknownProtocols.ts';

export interface FilterOptions extends Omit<CompileOptions, 'optimize'> {
  /** An expression of what is left out, in which the tag of a frame is not there when it is beside it. */
  readonly excluding?: string | undefined;
  /** The kernel does not let eBPF be loaded. */
  readonly classicOnly?: boolean;
}

/** A filter for packets as they are where the kernel classifies them: classic BPF in tc's notation, or code of eBPF. */
export type CompiledFilter =
  | { readonly classic: string }
  | {
      readonly code: Uint8Array;
      /** The same with verdicts: drops what does not match, and lets all else go on. */
      readonly dropping: Uint8Array;
    };

/** Instructions that tc's message to the kernel has room for are some 2030. */
const longestClassic = 1900;
/** Beyond so many instructions the compiler's optimization takes seconds, and soon minutes: where eBPF is, and where not. */
const longestOptimized = { usually: 6000, withoutEbpf: 12_000 };

/**
 * Compiles what a user asks for with `--filter`, and refuses what would be something else than it says, or what the kernel
 * would not take.
 *
 * @throws {UserError} with the reason and what to do
 */
export async function compileUserFilter(
  expression: string,
  { excluding, classicOnly = false, ...options }: FilterOptions = {},
): Promise<CompiledFilter> {
  const plain = await compilePcapFilter(expression, { ...options, optimize: false });
  const refusal = whyRefused(expression, parseProgram(plain));
  if (refusal !== undefined) throw impossibleFilter(expression, refusal);
  await refuseUnknownProtocols(expression, plain, options);
  const { usually, withoutEbpf } = longestOptimized;
  if (parseProgram(plain).length <= (classicOnly ? withoutEbpf : usually)) {
    const classic = await whole(await compilePcapFilter(expression, options), true);
    if (parseProgram(classic).length <= longestClassic) return { classic };
  }
  if (classicOnly) throw impossibleFilter(expression, 'it is too long for a kernel that takes no eBPF');
  return codeOf(expression, await whole(plain, false));

  async function whole(program: string, optimize: boolean): Promise<string> {
    const matching = withTagBeside(parseProgram(program));
    if (matching === undefined) throw impossibleFilter(expression, tagInPieces);
    if (excluding === undefined) return formatProgram(matching);
    return unless(await compilePcapFilter(excluding, { ...options, optimize }), formatProgram(matching));
  }
}

function codeOf(expression: string, program: string): CompiledFilter {
  const graph = filterGraph(parseProgram(program));
  if (graph === undefined) throw impossibleFilter(expression, tooLong);
  // As the compiler says it, which finds out only when it optimizes.
  if (!matchesAnything(graph)) throw impossibleFilter(expression, 'expression rejects all packets');
  const code = ebpfFilter(graph);
  const dropping = ebpfFilter(graph, verdictOn);
  if (code === undefined || dropping === undefined) throw impossibleFilter(expression, tooLong);
  return { code, dropping };
}

const tooLong = 'it is too long for the kernel: name networks in place of hosts';
const tagInPieces =
  "it reads bytes in which a VLAN tag may begin or end, or the frame's header at a computed place: ask for ether[12:2], ether[14:2] and what follows one by one, at fixed places";
