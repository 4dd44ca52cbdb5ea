import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { end, until } from './wait.ts';

const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');
const root = isUnified ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
const [limit, usage] = isUnified
  ? ['memory.max', 'memory.current']
  : ['memory.limit_in_bytes', 'memory.usage_in_bytes'];

/** A cgroup whose memory can run out, as that of a container with a memory limit does. */
export class MemoryLimit {
  readonly #folder: string;

  /** @param name of its own, among all of the machine's */
  constructor(name: string) {
    this.#folder = path.join(root, name);
    if (isUnified) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
    mkdirSync(this.#folder);
  }

  /** Holds a process, and what it starts from now on. The kernel ends it before anything else of the cgroup. */
  hold(pid: number | undefined): void {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
    writeFileSync(path.join(this.#folder, 'cgroup.procs'), String(pid));
  }

  /** Takes all memory that is left, until the kernel has ended some processes of the cgroup. */
  async exhaust(areEnded: () => boolean): Promise<void> {
    const left = 16 << 20;
    writeFileSync(path.join(this.#folder, limit), String(Number(this.#read(usage)) + left));
    const taking = `echo $$ >${this.#folder}/cgroup.procs; head -c ${8 * left} /dev/zero | tail -n 1 | wc -c`;
    do {
      const taker = spawn('bash', ['-c', taking], { stdio: 'ignore' });
      await until(
        async () => areEnded() || taker.exitCode !== null || taker.signalCode !== null,
        'memory runs out',
      );
      await end(taker, 'SIGKILL');
    } while (!areEnded());
  }

  async remove(): Promise<void> {
    const isGone = async () => {
      try {
        for (const pid of this.#read('cgroup.procs').split('\n').filter(Boolean))
          process.kill(Number(pid), 'SIGKILL');
        rmdirSync(this.#folder);
      } catch {
        return !existsSync(this.#folder); // a process is still ending
      }
      return true;
    };
    await until(isGone, `${this.#folder} can be removed`);
  }

  #read(file: string): string {
    return readFileSync(path.join(this.#folder, file), 'utf8');
  }
}
