import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { LINKTYPE_ETHERNET } from '#src/capture/notes.ts';
import { impossibleFilter } from '#src/net/pcapFilter.ts';
import type { Netns } from '#src/net/netns.ts';
import { WHOLE_PACKET_BYTES } from '#src/spec/capture.ts';

export interface CaptureFilterOptions extends Pick<RunOptions, 'signal'> {
  readonly linkType: number;
  readonly snapLengthBytes: number | undefined;
}

/** Long enough for a resolver that does not answer. */
const compilerTimeoutMs = 60_000;

/**
 * Compiles a filter as tcpdump does that captures at this interface: it knows there where the kernel keeps a VLAN tag.
 *
 * @throws {FilterError} with what the compiler says of a wrong one
 * @throws {CommandError} when the interface cannot be captured at
 */
export async function compileCaptureFilter(
  netns: Netns,
  ifname: string,
  expression: string,
  { linkType, snapLengthBytes = WHOLE_PACKET_BYTES, signal }: CaptureFilterOptions,
): Promise<string> {
  const at = linkType === LINKTYPE_ETHERNET ? ['-p', '-i', ifname] : ['-y', 'RAW'];
  try {
    return await netns.run('tcpdump', [...at, '-s', String(snapLengthBytes), '-ddd', '--', expression], {
      signal,
      timeoutMs: compilerTimeoutMs,
    });
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode === undefined || isOfInterface(error)) throw error;
    const said = error.stderr
      .trim()
      .replaceAll(/^tcpdump: /gm, '')
      .replaceAll('\n', '; ');
    throw impossibleFilter(expression, said, error);
  }
}

/** The filter may be right: the interface is gone, or down, in which case nothing passes. */
function isOfInterface({ stderr }: CommandError): boolean {
  return /No such device|That device is not up|permission/i.test(stderr);
}
