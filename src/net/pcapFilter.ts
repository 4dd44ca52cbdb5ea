import { UserError } from '#src/errors.ts';
import { CommandError, run } from '#src/exec/command.ts';

/**
 * Compiles an expression in pcap-filter(7)'s language to classic BPF in tc's notation, for frames of Ethernet.
 *
 * @throws {UserError} with what the compiler says of a wrong one.
 */
export async function compilePcapFilter(expression: string): Promise<string> {
  try {
    const lines = await run('tcpdump', ['-ddd', '-y', 'EN10MB', '--', expression]);
    return lines.trim().replaceAll('\n', ',');
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const said = error.stderr.trim().replace(/^tcpdump: /, '');
    throw new UserError(`--filter ${JSON.stringify(expression)} is not possible: ${said}`, { cause: error });
  }
}
