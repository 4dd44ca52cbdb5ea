import { CommandError } from '#src/exec/command.ts';
import { askMonitor } from './monitorProcess.ts';

/** What is in a map of an eBPF program. */
export interface MapContent {
  /** Of one value. */
  readonly valueBytes: number;
  /** The values of an array one after the other; of each entry those of all CPUs, where each has its own. */
  readonly bytes: Buffer;
}

/**
 * The kernel's number of the map of a name that an eBPF program uses; undefined when it has none. It takes SYS_ADMIN to get
 * at a program, and at a map.
 *
 * @throws {CommandError} when the program is gone
 */
export async function findMap(programId: number, name: string): Promise<number | undefined> {
  const maps = (await askMonitor(`maps ${programId}`)).split(' ');
  const found = maps.find((each) => each.endsWith(`:${name}`));
  return found === undefined ? undefined : Number.parseInt(found, 10);
}

/** The kernel's numbers of all maps of a name, whichever programs use them. @throws {CommandError} */
export async function findMaps(name: string): Promise<number[]> {
  return (await askMonitor(`named ${name}`)).split(' ').filter(Boolean).map(Number);
}

/** Reads a map that is an array; undefined when it is gone. @throws {CommandError} */
export async function readMap(id: number): Promise<MapContent | undefined> {
  const said = await unlessGone(askMonitor(`read ${id}`));
  if (said === undefined) return undefined;
  const [valueBytes = '', hex = ''] = said.split(' ');
  return { valueBytes: Number(valueBytes), bytes: Buffer.from(hex, 'hex') };
}

/** Writes one value of an array. @throws {CommandError} when it is gone, or has values of another size */
export async function writeMap(id: number, key: number, value: Buffer): Promise<void> {
  await askMonitor(`write ${id} ${key} ${value.toString('hex')}`);
}

/** Undefined when the program or map that is read has gone, as it may at any time. */
export async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof CommandError && error.stderr.includes('No such file or directory')) return undefined;
    throw error;
  }
}
