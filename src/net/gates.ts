import * as z from 'zod/mini';
import { run, type RunOptions } from '#src/exec/command.ts';
import { type Gate, gateBytes, gateMap, parseGate } from '#src/tap/programs/gate.ts';
import { runBpftool } from './bpftool.ts';

const program = z.object({ map_ids: z._default(z.array(z.number()), []) });
const map = z.object({ id: z.number(), name: z.optional(z.string()) });
const dump = z.array(z.object({ value: z.array(z.string()) }));

/**
 * The kernel's number of the map with the gate of a program; undefined when it has none, as another version's may not.
 *
 * @param programId the kernel's number of it
 * @throws {CommandError}
 */
export async function findGate(programId: number, options: RunOptions = {}): Promise<number | undefined> {
  const shown = await run('bpftool', ['--json', 'prog', 'show', 'id', String(programId)], options);
  const ids = z.parse(program, JSON.parse(shown)).map_ids;
  const answers = await runBpftool(
    ids.map((id) => `map show id ${id}`),
    options,
  );
  const maps = answers.flatMap((answer) => z.safeParse(map, answer).data ?? []);
  return maps.find(({ name }) => name === gateMap)?.id;
}

/** Reads a gate; undefined when the map is not one. @throws {CommandError} when it is gone */
export async function readGate(mapId: number, options: RunOptions = {}): Promise<Gate | undefined> {
  const shown = await run('bpftool', ['--json', 'map', 'dump', 'id', String(mapId)], options);
  const bytes = z.safeParse(dump, JSON.parse(shown)).data?.[0]?.value.map(Number);
  return bytes && parseGate(Buffer.from(bytes));
}

/** Opens or closes a gate. @throws {CommandError} when its map is gone */
export async function writeGate(mapId: number, gate: Gate, options: RunOptions = {}): Promise<void> {
  const value = Array.from(gateBytes(gate), (byte) => byte.toString(16).padStart(2, '0'));
  const key = ['00', '00', '00', '00'];
  await run(
    'bpftool',
    ['map', 'update', 'id', String(mapId), 'key', 'hex', ...key, 'value', 'hex', ...value],
    options,
  );
}
