import { readFileSync } from 'node:fs';
import { readProcFile } from '#src/net/processNetns.ts';

/** The processes that a process has started and that run. */
export function childrenOf(pid: number | undefined): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Its command line; empty for a process that has ended. */
export function commandOf(pid: number): string {
  return (readProcFile(pid, 'cmdline') ?? '').replaceAll('\0', ' ').trim();
}
