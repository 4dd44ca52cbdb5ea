import { UserError } from '#src/errors.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { prepareFilter } from '#src/net/objects.ts';
import { compilePcapFilter, impossibleFilter } from '#src/net/pcapFilter.ts';
import { whyNotTaken } from '#src/net/rehearsal.ts';
import { compileUserFilter } from '#src/net/userFilter.ts';
import type { SenderEndpoint } from '#src/spec/endpoint.ts';
import { dropUnless, matchAll, unless } from '#src/filter/bpf.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';
import { tunnelTraffic } from '#src/tap/programs/nodeTraffic.ts';
import type { Copies } from '#src/tap/state.ts';

/** What a sender copies, as the kernel has it. */
type Programs = Pick<Copies, 'matching' | 'dropping'>;

/**
 * The programs of what a sender copies. A tap that ends while its filter is compiled copies nothing any more, but what is
 * left of it has to be removed.
 *
 * @param running of the compiler, whose work the end of the tap interrupts
 * @throws {UserError} when the filter is wrong
 */
export async function matchingProgram(endpoint: SenderEndpoint, running: RunOptions): Promise<Programs> {
  try {
    return await matching(endpoint, running);
  } catch (error) {
    if (error instanceof CommandError && running.signal?.aborted === true) return classic(matchAll);
    throw error;
  }
}

/** A node's own packets are not all copied: its copies are among them. */
async function matching(
  { tapId, filter, podUid, path }: SenderEndpoint,
  running: RunOptions,
): Promise<Programs> {
  const isNode = podUid === undefined && path.kind === 'vxlan';
  const excluding = isNode ? tunnelTraffic(path) : undefined;
  if (filter !== undefined) return filterProgram(tapId, filter, excluding, running);
  return classic(
    excluding === undefined ? matchAll : unless(await compilePcapFilter(excluding, running), matchAll),
  );
}

function classic(program: string): Programs {
  return { matching: program, dropping: dropUnless(program) };
}

async function filterProgram(
  tap: TapId,
  filter: string,
  excluding: string | undefined,
  running: RunOptions,
): Promise<Programs> {
  const compiled = await compileUserFilter(filter, { ...running, excluding });
  if ('classic' in compiled) return classic(compiled.classic);
  const program = prepareFilter(tap, compiled.code);
  const reason = await whyNotTaken(tap, program, 'direct', running);
  if (reason === undefined) return { matching: program, dropping: prepareFilter(tap, compiled.dropping) };
  try {
    const short = await compileUserFilter(filter, { ...running, excluding, classicOnly: true });
    if ('classic' in short) return classic(short.classic);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  throw impossibleFilter(filter, `it is so long that it needs eBPF, which the kernel refuses: ${reason}`);
}
