import { once } from 'node:events';
import { execa } from 'execa';
import * as z from 'zod/mini';
import { CommandError } from '#src/exec/command.ts';
import type { Hold } from '#src/tap/plan/ahead.ts';
import type { Hook, TcxProgram } from '#src/tap/state.ts';
import { builtProgram } from './builtPrograms.ts';
import { askMonitor } from './monitorProcess.ts';
import type { Netns, Visited } from './netns.ts';

const programs = z.array(z.object({ id: z.number(), name: z.string() }));
/** What the monitor answers. */
const answer = z.array(z.object({ ingress: programs, egress: programs }));

/**
 * The tcx programs of some interfaces, by name, in the order that they run in. A kernel before Linux 6.6 has none.
 *
 * @throws {CommandError}
 */
export async function listTcx(
  netns: Visited,
  ifnames: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<Hook, readonly TcxProgram[]>>>> {
  if (ifnames.length === 0) return new Map();
  const said = await askMonitor(`tcx ${netns.monitorPath} ${ifnames.join(' ')}`);
  const found = z.parse(answer, JSON.parse(said));
  return new Map(ifnames.map((name, at) => [name, found[at] ?? { ingress: [], egress: [] }]));
}

/** Programs held at hooks of a network namespace, before all others. */
export interface Held {
  /** Lets them go; returns when they have. */
  release(): Promise<void>;
}

/**
 * Holds programs at hooks, before all others, and has them copy to a device. They go with the process that holds them,
 * which ends with the agent.
 *
 * @param mirror the name of the device
 * @param onGone called when the process ends without being told to
 * @throws {CommandError} when the kernel does not let them be there
 */
export async function holdTcx(
  netns: Netns,
  mirror: string,
  holds: readonly Hold[],
  onGone: () => void,
): Promise<Held> {
  const places = holds.flatMap(({ ifname, hook, programId }) => [ifname, hook, String(programId)]);
  const [file, ...args] = netns.command(tcxProgram, ['hold', mirror, ...places]);
  // Its standard input ends with the agent, and so it does.
  const child = execa(file, args, { stdin: 'pipe', reject: false });
  const begun = once(child.stdout, 'data').then(() => undefined);
  const ended = await Promise.race([begun, child]);
  if (ended !== undefined) {
    const { exitCode, stderr } = ended;
    throw new CommandError([file, ...args].join(' '), exitCode, stderr, new Error(ended.message));
  }
  let isWanted = true;
  void child.then(() => isWanted && onGone());
  return {
    async release() {
      isWanted = false;
      child.stdin.end();
      await child;
    },
  };
}

const tcxProgram = builtProgram('kokotap-tcx');
