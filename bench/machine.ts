import os from 'node:os';

/** What the numbers depend on. */
export interface Machine {
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryGibibytes: number;
  readonly kernel: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  const cpus = os.cpus();
  return {
    cpus: cpus.length,
    cpuModel: cpus[0]?.model ?? 'unknown',
    memoryGibibytes: Math.round(os.totalmem() / 1024 ** 3),
    kernel: `${os.type()} ${os.release()}, ${os.arch()}`,
    node: process.version,
  };
}
