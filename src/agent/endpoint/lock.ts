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

/**
 * Takes the lock; undefined while another agent has it, or two want it at the same moment. Those that are wanted at the same
 * time are taken together: the kernel takes milliseconds to list a node's sockets.
 */
export function takeLock(role: Role, id: TapId): Promise<Lock | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Lock | undefined>();
  wanted.push({ role, tap: id, resolve, reject });
  if (wanted.length === 1) setImmediate(() => void takeWanted());
  return promise;
}

interface Wanted {
  readonly role: Role;
  readonly tap: TapId;
  resolve(lock: Lock | undefined): void;
  reject(error: unknown): void;
}

let wanted: Wanted[] = [];

async function takeWanted(): Promise<void> {
  const all = wanted;
  wanted = [];
  try {
    const held = new Set(openLocks().map(keyOf));
    const free = all.filter((each) => !held.has(keyOf(each)));
    for (const each of all) if (held.has(keyOf(each))) each.resolve(undefined);
    const sockets = await Promise.all(free.map(({ role, tap }) => open(role, tap)));
    // Looked at only once the own ones are there for others to see: of two agents at least one sees the other.
    const ports = new Map<string, Set<number>>();
    for (const lock of openLocks())
      ports.set(keyOf(lock), (ports.get(keyOf(lock)) ?? new Set<number>()).add(lock.port));
    for (const [at, socket] of sockets.entries()) {
      const each = free[at];
      if (each !== undefined && ports.get(keyOf(each))?.size === 1) {
        each.resolve({ release: () => socket.close() });
      } else {
        socket.close();
        each?.resolve(undefined);
      }
    }
  } catch (error) {
    for (const each of all) each.reject(error);
  }
}

function keyOf({ role, tap }: { readonly role: Role; readonly tap: TapId }): string {
  return `${role} ${tap}`;
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
