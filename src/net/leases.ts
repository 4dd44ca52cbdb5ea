import * as z from 'zod/mini';
import { run, type RunOptions } from '#src/exec/command.ts';
import { type Lease, leaseBytes, leaseMap, parseLease } from '#src/tap/programs/lease.ts';
import { runBpftool } from './bpftool.ts';

/** A lease with the kernel's number of the map that it is in. */
export interface FoundLease extends Lease {
  readonly mapId: number;
}

const program = z.object({ map_ids: z._default(z.array(z.number()), []) });
const maps = z.array(z.object({ id: z.number(), name: z.optional(z.string()) }));
const dump = z.array(z.object({ value: z.array(z.string()) }));

/**
 * The leases of all taps of this node, whatever network namespace they are in. It takes SYS_ADMIN.
 *
 * @throws {CommandError}
 */
export async function listLeases(options: RunOptions = {}): Promise<FoundLease[]> {
  const shown = await run('bpftool', ['--json', 'map', 'show'], options);
  const found = z.parse(maps, JSON.parse(shown)).filter(({ name }) => name === leaseMap);
  return readLeases(
    found.map(({ id }) => id),
    options,
  );
}

/**
 * The lease of a program; undefined when it has none, as another version's may not.
 *
 * @param programId the kernel's number of it
 * @throws {CommandError}
 */
export async function findLease(
  programId: number,
  options: RunOptions = {},
): Promise<FoundLease | undefined> {
  const shown = await run('bpftool', ['--json', 'prog', 'show', 'id', String(programId)], options);
  const [lease] = await readLeases(z.parse(program, JSON.parse(shown)).map_ids, options);
  return lease;
}

/**
 * Moves a lease on.
 *
 * @throws {CommandError} when its map is gone
 */
export async function renewLease({ mapId, ...lease }: FoundLease, options: RunOptions = {}): Promise<void> {
  const value = Array.from(leaseBytes(lease), (byte) => byte.toString(16).padStart(2, '0'));
  const key = ['00', '00', '00', '00'];
  await run(
    'bpftool',
    ['map', 'update', 'id', String(mapId), 'key', 'hex', ...key, 'value', 'hex', ...value],
    options,
  );
}

/**
 * The leases that are in some maps. A map that is not there, for its tap may end at any time, or that has none is left out.
 *
 * @param mapIds the kernel's numbers of them
 * @throws {CommandError}
 */
export async function readLeases(mapIds: readonly number[], options: RunOptions = {}): Promise<FoundLease[]> {
  if (mapIds.length === 0) return [];
  const answers = await runBpftool(
    mapIds.map((id) => `map dump id ${id}`),
    options,
  );
  const found = answers.flatMap((answer, at) => {
    const mapId = mapIds[at];
    const { data } = z.safeParse(dump, answer);
    const bytes = data?.[0]?.value.map((byte) => Number(byte));
    const lease = bytes && parseLease(Buffer.from(bytes));
    return mapId === undefined || lease === undefined ? [] : [{ mapId, ...lease }];
  });
  return [...found, ...(await readLeases(mapIds.slice(answers.length), options))];
}
