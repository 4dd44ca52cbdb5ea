import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab.ts';
import { sum } from '../statistics.ts';
import { whileTapped } from '../ways/tap.ts';

const REST_SECONDS = 30;
/** Of a clock tick in /proc: USER_HZ, the same on every Linux that runs Kubernetes. */
const TICKS_PER_SECOND = 100;

/** An agent of a tap through which nothing goes. */
export interface AgentAtRest {
  readonly residentMegabytes: number;
  /** The part of it that is no file's, so that no other process shares it. */
  readonly anonymousMegabytes: number;
  /** Resident in the commands that it keeps running. */
  readonly commandsMegabytes: number;
  /** Per cent of one CPU, with that of all its commands. */
  readonly cpuPercent: number;
}

/** Measures both agents of a tap at rest, over {@link REST_SECONDS}. */
export function measureAgents(lab: Lab): Promise<Record<'sender' | 'receiver', AgentAtRest>> {
  return whileTapped(lab, 'node-b', async ({ id }) => {
    const pids = { sender: agentPid(id, 'sender'), receiver: agentPid(id, 'receiver') };
    await sleep(15_000); // the start is over, and the reports of every second
    const [sender, receiver] = await Promise.all([atRest(pids.sender), atRest(pids.receiver)]);
    return { sender, receiver };
  });
}

export async function atRest(pid: number): Promise<AgentAtRest> {
  const before = cpuTicksOfAll(pid);
  await sleep(REST_SECONDS * 1000);
  const seconds = (cpuTicksOfAll(pid) - before) / TICKS_PER_SECOND;
  return {
    residentMegabytes: statusMegabytes(pid, 'VmRSS'),
    anonymousMegabytes: statusMegabytes(pid, 'RssAnon'),
    commandsMegabytes: sum(childrenOf(pid).map((child) => statusMegabytes(child, 'VmRSS'))),
    cpuPercent: (100 * seconds) / REST_SECONDS,
  };
}

/** The lab's machines are pid namespaces below this one, so their processes are in this /proc too. */
function agentPid(tapId: string, role: string): number {
  const pid = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false;
    const args = commandLineOf(name);
    return args.includes(role) && args.some((arg) => arg.includes(`"tapId":"${tapId}"`));
  });
  if (pid === undefined) throw new Error(`No ${role} of tap ${tapId} is running`);
  return Number(pid);
}

function commandLineOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended
  }
}

/** The commands that an agent is running now; none of them starts others. */
function childrenOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).map((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'),
  );
  return children.join('').trim().split(' ').filter(Boolean).map(Number);
}

/** Of an agent and of its commands. One that ends is counted on by the agent. */
function cpuTicksOfAll(pid: number): number {
  return sum([pid, ...childrenOf(pid)].map(cpuTicks));
}

/** Ticks of CPU so far: utime, stime, and cutime and cstime of children that have ended (see proc(5)). */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the name in parentheses, can hold blanks; the third is the first here.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return sum(fields.slice(11, 15).map(Number));
}

function statusMegabytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`No ${field} in /proc/${pid}/status`);
  return (Number(kibibytes) * 1024) / 1e6;
}
