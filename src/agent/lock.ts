import { createServer, type Server } from 'node:net';
import type { Role, TapId } from '#src/tap/mark.ts';

/**
 * One agent at a time keeps an end of a tap, and everyone on the node sees which taps are kept: each agent listens on
 * an abstract Unix socket named after its tap. The kernel takes the name away with the process, however it ends, and
 * all agents of a node share its network namespace, in which these names live.
 */
const prefix = 'kokotap-agent';

/** Takes the lock; undefined while another agent has it. */
export async function takeLock(role: Role, id: TapId): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  server.once('listening', () => resolve(true));
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') resolve(false);
    else reject(error);
  });
  server.listen(`\0${prefix}/${role}/${id}`);
  return (await promise) ? server : undefined;
}

/**
 * The taps that agents of this node keep.
 *
 * @param netUnix content of /proc/net/unix, which shows the name's leading null byte as `@`
 * @param role only those with an agent of this role
 */
export function liveTaps(netUnix: string, role?: Role): Set<TapId> {
  const names = netUnix.matchAll(
    new RegExp(`@${prefix}/(?:${role ?? 'sender|receiver'})/([0-9a-f]{12})`, 'g'),
  );
  return new Set([...names].flatMap(([, id]) => id ?? []));
}
