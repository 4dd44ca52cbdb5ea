import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { elfObject } from '#src/filter/elfObject.ts';
import { isOlderKernel } from '#src/tap/proc/kernelRelease.ts';
import { FILTER_SECTION, filterProgram, objectName } from '#src/tap/programs/names.ts';
import { type CopySettings, KERNEL_WITH_ALL_HELPERS, withSettings } from '#src/tap/programs/settings.ts';
import { type Lease, withLease } from '#src/tap/programs/lease.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';
import { RUN_FOLDER } from '#src/pods/runFolder.ts';

/** A tap's eBPF object. */
export interface TapObject {
  readonly name: string;
  /** Writes it: the programs that are loaded from it until the next time begin with this lease. */
  write(lease: Lease): void;
}

/** The eBPF object for a mirror device of this MTU. */
export type ObjectFor = (mtuBytes: number | undefined) => TapObject;

/**
 * The eBPF objects with these settings, made from the one beside the agent: one, unless the kernel is so old that programs
 * cannot ask it for the device's MTU. Then there is one for each MTU.
 */
export function objectsOf(tap: TapId, settings: Omit<CopySettings, 'mtuBytes'>): ObjectFor {
  compiled ??= readCompiled();
  const { bytes, hash } = compiled;
  const seed = randomBytes(4).readUInt32LE();
  const isOld = isOlderKernel(release(), KERNEL_WITH_ALL_HELPERS);
  return (mtuBytes = unknownMtuBytes) => {
    const all = { ...settings, mtuBytes: isOld ? mtuBytes : undefined };
    const name = objectName(all, hash);
    return {
      name,
      write(lease) {
        mkdirSync(folderOf(tap), { recursive: true });
        writeFileSync(objectPath(tap, name), withLease(withSettings(bytes, all, seed), lease));
      },
    };
  };
}

/** Between endpoints on one node, where everything fits. */
const unknownMtuBytes = 65_535;

/** It does not change while the agent runs. */
let compiled: { readonly bytes: Uint8Array; readonly hash: string } | undefined;

function readCompiled(): typeof compiled & object {
  const bytes = readFileSync(path.join(import.meta.dirname, 'mirror.bpf.o'));
  return { bytes, hash: createHash('sha256').update(bytes).digest('hex') };
}

/** Makes an object with the code of a filter, and returns the program's name for tc. */
export function prepareFilter(tap: TapId, code: Uint8Array): string {
  const name = `filter-${createHash('sha256').update(code).digest('hex').slice(0, 12)}.o`;
  mkdirSync(folderOf(tap), { recursive: true });
  writeFileSync(objectPath(tap, name), elfObject(FILTER_SECTION, code));
  return filterProgram(name);
}

/** Where a tap's object is. */
export function objectPath(tap: TapId, name: string): string {
  return path.join(folderOf(tap), name);
}

/** Removes a tap's files, which take memory; what was loaded from them stays. */
export function removeObjects(tap: TapId): void {
  rmSync(folderOf(tap), { recursive: true, force: true });
}

function folderOf(tap: TapId): string {
  return path.join(RUN_FOLDER, tap);
}
