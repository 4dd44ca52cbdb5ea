import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { elfObject } from '#src/filter/elfObject.ts';
import { FILTER_SECTION, filterProgram, objectName } from '#src/tap/programs/names.ts';
import { type CopySettings, withSettings } from '#src/tap/programs/settings.ts';
import { type Lease, withLease } from '#src/tap/programs/lease.ts';
import { RUN_FOLDER } from '#src/pods/runFolder.ts';

/** Makes the eBPF object with these settings, from the one beside the agent, and returns its name. */
export function prepareObject(settings: CopySettings): string {
  const compiled = readFileSync(path.join(import.meta.dirname, 'mirror.bpf.o'));
  const name = objectName(settings, createHash('sha256').update(compiled).digest('hex'));
  mkdirSync(RUN_FOLDER, { recursive: true });
  writeFileSync(objectPath(name), withSettings(compiled, settings, randomBytes(4).readUInt32LE()));
  return name;
}

/** Makes an object with the code of a filter, and returns the program's name for tc. */
export function prepareFilter(code: Uint8Array): string {
  const name = `filter-${createHash('sha256').update(code).digest('hex').slice(0, 12)}.o`;
  mkdirSync(RUN_FOLDER, { recursive: true });
  writeFileSync(objectPath(name), elfObject(FILTER_SECTION, code));
  return filterProgram(name);
}

/** Has the programs that are loaded from an object from now on begin with this lease. */
export function grantLease(name: string, lease: Lease): void {
  writeFileSync(objectPath(name), withLease(readFileSync(objectPath(name)), lease));
}

/** Where an object is that {@link prepareObject} made. */
export function objectPath(name: string): string {
  return path.join(RUN_FOLDER, name);
}
