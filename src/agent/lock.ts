import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { findLocks, lockSocket, type FoundLock } from '#src/tap/ownership/lockSocket.ts';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';

/**
 * One agent at a time keeps an end of a tap, and everyone on the node sees which taps are kept: each agent has a socket
 * open whose addresses spell its tap. The kernel closes it with the process, however that ends, and all agents of a node
 * share its network namespace. Nobody but root can hold up an agent by it.
 */
export interface Lock {
  release(): void;
}

/** Takes the lock; undefined while another agent has it, or two want it at the same moment. */
export async function takeLock(role: Role, id: TapId): Promise<Lock | undefined> {
  const others = (own?: number) =>
    openLocks().filter((lock) => lock.tap === id && lock.role === role && lock.port !== own);
  if (others().length > 0) return undefined;
  const socket = await open(role, id);
  // Looked at only once the own one is there for others to see: of two agents at least one sees the other.
  if (others(socket.address().port).length === 0) return { release: () => socket.close() };
  socket.close();
  return undefined;
}

/**
 * The taps that agents of this node keep.
 *
 * @param role only those with an agent of this role
 */
export function liveTaps(role?: Role): Set<TapId> {
  return new Set(openLocks().flatMap((lock) => (role === undefined || lock.role === role ? lock.tap : [])));
}

async function open(role: Role, id: TapId): Promise<Socket> {
  const { address, peer } = lockSocket(role, id);
  const socket = createSocket('udp4');
  socket.bind({ address });
  await once(socket, 'listening');
  socket.setBroadcast(true); // as 127.255.255.255 is, which some tap's id spells
  socket.connect(peer.port, peer.address);
  await once(socket, 'connect');
  return socket;
}

/** The file is read in pieces, and sockets that close in between can hide another one: it is not hidden twice. */
function openLocks(): readonly FoundLock[] {
  return [1, 2].flatMap(() => findLocks(readFileSync('/proc/self/net/udp', 'utf8')));
}
