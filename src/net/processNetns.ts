import { readlinkSync, readFileSync } from 'node:fs';

/**
 * Which network namespace a process is in, as `net:[inode]`; undefined when it ended.
 *
 * @param process a PID, or `self`
 */
export function netnsOf(process: number | 'self'): string | undefined {
  return unlessEnded(() => readlinkSync(`/proc/${process}/ns/net`));
}

/** A file of /proc/PID; undefined when the process ended. */
export function readProcFile(process: number | 'self', file: string): string | undefined {
  return unlessEnded(() => readFileSync(`/proc/${process}/${file}`, 'utf8'));
}

/** Whether this process has the right to enter other network namespaces (SYS_ADMIN): senders, and receivers into pods. */
export function mayEnterNamespaces(): boolean {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readProcFile('self', 'status') ?? '') ?? [];
  return (BigInt(`0x${effective}`) & capSysAdmin) !== 0n;
}

const capSysAdmin = 1n << 21n;

/** What reads something of a process, or undefined when the process ended. */
export function unlessEnded<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    // ESRCH: it ended between open and read. EACCES cannot tell a dying process from one that must not be read.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}
