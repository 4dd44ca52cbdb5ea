import { text } from 'node:stream/consumers';
import * as z from 'zod/mini';
import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { exec } from '#src/kube/exec.ts';
import { CONTAINER } from '#src/pods/container.ts';

const count = z.optional(z.number());

const direction = z.object({
  seenPackets: count,
  notMatchingPackets: count,
  sampledOutPackets: count,
  shedPackets: count,
  unfitPackets: count,
  copiedPackets: count,
  copiedBytes: count,
});

/** What an agent says of its endpoints: see docs/architecture.md, Accounts. */
const statusSchema = z.object({
  // An agent of an earlier version, or the search of a node, says nothing of states.
  endpoints: z.optional(
    z.array(
      z.object({
        tap: z.string(),
        state: z.optional(z.string()),
        reason: z.optional(z.string()),
        warning: z.optional(z.string()),
      }),
    ),
  ),
  observed: z.array(
    z.object({
      tap: z.string(),
      role: z.enum(['sender', 'receiver']),
      device: z.object({ name: z.string(), mtuBytes: count }),
      idle: z.optional(z.string()),
      inFront: z.optional(
        z.array(z.object({ interface: z.string(), hook: z.string(), programs: z.array(z.string()) })),
      ),
      copies: z.optional(z.record(z.string(), direction)),
      sentPackets: count,
      refusedCopies: count,
      reportedPackets: count,
      lostPackets: count,
      turnedAwayPackets: count,
      fit: z.optional(z.object({ says: z.string(), underlayMtuBytes: count, largestCopyBytes: count })),
      degraded: z.optional(z.string()),
      receivedPackets: count,
    }),
  ),
});

export type AgentStatus = z.infer<typeof statusSchema>;

/** @throws {UserError} of what no agent of this version says. */
function parseStatus(answer: string): AgentStatus {
  try {
    return statusSchema.parse(JSON.parse(answer));
  } catch (error) {
    throw new UserError('its agent is of another version: its answer is not understood', { cause: error });
  }
}

/** The agent shares its half a CPU with the program that asks it. */
const LONGEST_MS = 20_000;

/**
 * Asks the agent in a pod of a tap.
 *
 * @throws {UserError} when it does not answer: ForbiddenError without the right to exec
 */
export async function askAgent(
  { client }: Pick<Cluster, 'client'>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<AgentStatus> {
  const target = { namespace, pod: name, container: CONTAINER };
  const execution = await exec(client, target, ['kokotap-agent', 'status']);
  const timer = setTimeout(() => execution.close(), LONGEST_MS);
  try {
    const [answer, trouble, exitCode] = await Promise.all([
      text(execution.stdout),
      text(execution.stderr),
      execution.exitCode,
    ]);
    if (exitCode !== 0) throw new UserError(trouble.trim() || `kokotap-agent status ended with ${exitCode}`);
    return parseStatus(answer);
  } finally {
    clearTimeout(timer);
    execution.close();
  }
}
