import { type Gate, gateBytes, gateMap, parseGate } from '#src/tap/programs/gate.ts';
import { findMap, readMap, writeMap } from './maps.ts';

/**
 * The kernel's number of the map with the gate of a program; undefined when it has none, as another version's may not.
 *
 * @param programId the kernel's number of it
 * @throws {CommandError}
 */
export function findGate(programId: number): Promise<number | undefined> {
  return findMap(programId, gateMap);
}

/** Reads a gate; undefined when the map is not one, or gone. @throws {CommandError} */
export async function readGate(mapId: number): Promise<Gate | undefined> {
  const content = await readMap(mapId);
  return content && parseGate(content.bytes);
}

/** Opens or closes a gate. @throws {CommandError} when its map is gone */
export async function writeGate(mapId: number, gate: Gate): Promise<void> {
  await writeMap(mapId, 0, gateBytes(gate));
}
