import { UserError } from '#src/errors.ts';
import { CommandError, run, type RunOptions } from '#src/exec/command.ts';
import { withAdvice } from '#src/filter/filterRefusals.ts';

export interface CompileOptions extends Pick<RunOptions, 'signal' | 'timeoutMs' | 'onCommand'> {
  /** The compiler makes the program short, which takes it minutes for long expressions. */
  readonly optimize?: boolean;
}

/** Long enough for a resolver that does not answer, and for a thousand hosts on a busy node. */
const compilerTimeoutMs = 60_000;

/**
 * Compiles an expression in pcap-filter(7)'s language to classic BPF in tc's notation, for frames of Ethernet as they are
 * on the wire: with all their VLAN tags.
 *
 * @throws {FilterError} with what the compiler says of a wrong one
 * @throws {CommandError} when there is no compiler
 */
export async function compilePcapFilter(
  expression: string,
  { signal, onCommand, timeoutMs = compilerTimeoutMs, optimize = true }: CompileOptions = {},
): Promise<string> {
  const flags = [...(optimize ? [] : ['-O']), '-ddd', '-y', 'EN10MB'];
  try {
    const lines = await run('tcpdump', [...flags, '--', expression], { signal, onCommand, timeoutMs });
    return lines.trim().replaceAll('\n', ',');
  } catch (error) {
    if (!(error instanceof CommandError) || signal?.aborted === true) throw error;
    if (error.timedOut) throw new FilterError(expression, tooSlow(timeoutMs), true, error);
    if (error.exitCode === undefined) throw error;
    const said = error.stderr
      .trim()
      .replaceAll(/^tcpdump: /gm, '')
      .replaceAll('\n', '; ');
    throw impossibleFilter(expression, withAdvice(said), error);
  }
}

function tooSlow(timeoutMs: number): string {
  return `the compiler works on it for more than ${timeoutMs / 1000} s: shorten it, and give addresses where it has names of hosts`;
}

/**
 * The filter is wrong. The reason is in front of the expression, of which messages that may not be long show the beginning.
 */
export class FilterError extends UserError {
  override readonly name = 'FilterError';
  /** Somewhere else it may be right: a name is not known here, or this machine is too slow. */
  readonly isHereOnly: boolean;

  constructor(expression: string, reason: string, isHereOnly: boolean, cause?: Error) {
    super(`--filter is not possible: ${reason} (${shown(expression)})`, { cause });
    this.isHereOnly = isHereOnly;
  }
}

export function impossibleFilter(expression: string, reason: string, cause?: Error): FilterError {
  return new FilterError(
    expression,
    reason,
    /^unknown (host|network|port|ip proto|ether host) '/.test(reason),
    cause,
  );
}

const shownCharacters = 200;

function shown(expression: string): string {
  if (expression.length <= shownCharacters) return JSON.stringify(expression);
  return `${JSON.stringify(expression.slice(0, shownCharacters))}… of ${expression.length} characters`;
}
