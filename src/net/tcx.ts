import path from 'node:path';
import * as z from 'zod/mini';
import type { RunOptions } from '#src/exec/command.ts';
import type { Hook, TcxProgram } from '#src/tap/state.ts';
import type { Netns } from './netns.ts';

const programs = z.array(z.object({ id: z.number(), name: z.string() }));
/** What native/tcx.c prints. */
const answer = z.array(z.object({ ingress: programs, egress: programs }));

/**
 * The tcx programs of some interfaces, by name, in the order that they run in. A kernel before Linux 6.6 has none.
 *
 * @throws {CommandError}
 */
export async function listTcx(
  netns: Netns,
  ifnames: readonly string[],
  options: RunOptions = {},
): Promise<ReadonlyMap<string, Readonly<Record<Hook, readonly TcxProgram[]>>>> {
  if (ifnames.length === 0) return new Map();
  const said = await netns.run(tcxProgram, ['query', ...ifnames], options);
  const found = z.parse(answer, JSON.parse(said));
  return new Map(ifnames.map((name, at) => [name, found[at] ?? { ingress: [], egress: [] }]));
}

/** Compiled of native/tcx.c, beside the agent. */
const tcxProgram = path.join(import.meta.dirname, 'kokotap-tcx');
