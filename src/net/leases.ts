import { type Lease, leaseBytes, leaseMap, parseLease } from '#src/tap/programs/lease.ts';
import { findMap, findMaps, readMap, writeMap } from './maps.ts';

/** A lease with the kernel's number of the map that it is in. */
export interface FoundLease extends Lease {
  readonly mapId: number;
}

/**
 * The leases of all taps of this node, whatever network namespace they are in. It takes SYS_ADMIN.
 *
 * @throws {CommandError}
 */
export async function listLeases(): Promise<FoundLease[]> {
  return readLeases(await findMaps(leaseMap));
}

/**
 * The lease of a program; undefined when it has none, as another version's may not.
 *
 * @param programId the kernel's number of it
 * @throws {CommandError}
 */
export async function findLease(programId: number): Promise<FoundLease | undefined> {
  const mapId = await findMap(programId, leaseMap);
  return mapId === undefined ? undefined : (await readLeases([mapId]))[0];
}

/**
 * Moves a lease on.
 *
 * @throws {CommandError} when its map is gone
 */
export async function renewLease({ mapId, ...lease }: FoundLease): Promise<void> {
  await writeMap(mapId, 0, leaseBytes(lease));
}

/**
 * The leases that are in some maps. A map that is not there, for its tap may end at any time, or that has none is left out.
 *
 * @param mapIds the kernel's numbers of them
 * @throws {CommandError}
 */
export async function readLeases(mapIds: readonly number[]): Promise<FoundLease[]> {
  const found = await Promise.all(
    mapIds.map(async (mapId) => {
      const content = await readMap(mapId);
      const lease = content && parseLease(content.bytes);
      return lease === undefined ? [] : [{ mapId, ...lease }];
    }),
  );
  return found.flat();
}
