import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '#src/exec/command.ts';
import { cgroupRoot, type Network } from './network.ts';
import { scaled } from './speed.ts';
import { end, until } from './wait.ts';

/** One of many pods of node A. */
export interface Pod {
  readonly uid: string;
  readonly address: string;
  /** Runs a command in its network namespace. */
  exec(command: string, ...args: string[]): Promise<string>;
}

/** Pods of node A besides the one that a test has anyway, each with an interface eth0 and a process. */
export class MorePods {
  readonly all: readonly Pod[];
  readonly #processes: readonly ChildProcess[];
  readonly #folders: readonly string[];

  private constructor(all: readonly Pod[], processes: readonly ChildProcess[], folders: readonly string[]) {
    this.all = all;
    this.#processes = processes;
    this.#folders = folders;
  }

  /** Makes so many; the network namespaces go with the test's network. */
  static async start(net: Network, count: number): Promise<MorePods> {
    const node = net.netns('nodeA');
    const pods: Pod[] = [];
    const processes: ChildProcess[] = [];
    const folders: string[] = [];
    for (let at = 0; at < count; at++) {
      const [netns, uid] = [`${node}-${at}`, randomUUID()];
      const subnet = `10.${90 + Math.floor(at / 64)}.${at % 64}`;
      const inPod = (command: string, ...args: string[]) =>
        run('nsenter', [`--net=/run/netns/${netns}`, ...command.split(' '), ...args], {
          timeoutMs: scaled(30_000),
        });
      await run('ip', ['netns', 'add', netns]);
      await inPod('ip link set lo up');
      await run('ip', `link add veth${at} netns ${node} type veth peer name eth0 netns ${netns}`.split(' '));
      for (const [exec, ifname, host] of [
        [(command: string) => net.exec('nodeA', command), `veth${at}`, 1],
        [inPod, 'eth0', 2],
      ] as const) {
        await exec(`sysctl -qw net.ipv6.conf.${ifname}.disable_ipv6=1`);
        await exec(`ip address add ${subnet}.${host}/24 dev ${ifname}`);
        await exec(`ip link set ${ifname} up`);
      }
      const folder = path.join(cgroupRoot, path.basename(node), 'kubepods', 'besteffort', `pod${uid}`, 'c1');
      mkdirSync(folder, { recursive: true });
      const child = spawn('nsenter', [`--net=/run/netns/${netns}`, 'sleep', 'infinity'], { stdio: 'ignore' });
      writeFileSync(path.join(folder, 'cgroup.procs'), String(child.pid));
      pods.push({ uid, address: `${subnet}.2`, exec: inPod });
      processes.push(child);
      folders.push(folder);
    }
    return new MorePods(pods, processes, folders);
  }

  /** Ends their processes and removes their cgroups. */
  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((child) => end(child, 'SIGKILL')));
    for (const folder of this.#folders) {
      for (const each of [folder, path.dirname(folder)])
        await until(async () => removed(each), `${each} can be removed`);
    }
    const [first] = this.#folders;
    if (first === undefined) return;
    for (const up of ['../..', '../../..', '../../../..']) rmdirSync(path.resolve(first, up));
  }
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
