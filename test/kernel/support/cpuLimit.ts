import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { until } from './wait.ts';

const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');

/**
 * A cgroup whose processes together get a part of one CPU, as a container with a CPU limit does.
 *
 * @param name of its own, among all of the machine's
 */
export class CpuLimit {
  readonly #folder: string;
  /** Version 1 of cgroups counts CPU time by a controller of its own, which may be mounted apart. */
  readonly #folders: readonly string[];

  constructor(name: string, part: number) {
    const roots = isUnified ? [''] : ['cpu', 'cpuacct'];
    this.#folders = roots.map((root) => path.join('/sys/fs/cgroup', root, name));
    this.#folder = this.#folders[0] ?? '';
    if (isUnified) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+cpu');
    for (const folder of this.#folders) mkdirSync(folder, { recursive: true });
    const [quota, period] = [Math.round(part * 100_000), 100_000];
    if (isUnified) {
      this.#write('cpu.max', `${quota} ${period}`);
    } else {
      this.#write('cpu.cfs_period_us', String(period));
      this.#write('cpu.cfs_quota_us', String(quota));
    }
  }

  /** Holds a process, and what it starts from now on. */
  hold(pid: number | undefined): void {
    for (const folder of this.#folders) writeFileSync(path.join(folder, 'cgroup.procs'), String(pid));
  }

  /** CPU time that its processes took so far. */
  usedMs(): number {
    if (!isUnified) return Number(this.#read(1, 'cpuacct.usage')) / 1e6;
    return Number(/usage_usec (\d+)/.exec(this.#read(0, 'cpu.stat'))?.[1]) / 1e3;
  }

  /** Lifts the limit, by which its processes may be waiting to end, and removes it once they have. */
  async remove(): Promise<void> {
    if (isUnified) this.#write('cpu.max', 'max');
    else this.#write('cpu.cfs_quota_us', '-1');
    const isGone = async () => {
      try {
        for (const folder of this.#folders.filter((each) => existsSync(each))) {
          // What its agent started and has not ended.
          const pids = readFileSync(path.join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
          for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
          rmdirSync(folder);
        }
      } catch {
        return false; // a process is still ending
      }
      return true;
    };
    await until(isGone, `${this.#folder} can be removed`);
  }

  #read(folder: number, file: string): string {
    return readFileSync(path.join(this.#folders[folder] ?? '', file), 'utf8');
  }

  #write(file: string, content: string): void {
    writeFileSync(path.join(this.#folder, file), content);
  }
}
