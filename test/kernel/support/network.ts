import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '#src/exec/command.ts';
import { addresses, ipv6, second } from './addresses.ts';
import { scaled } from './speed.ts';
import { end, until } from './wait.ts';

export const cgroupRoot = existsSync('/sys/fs/cgroup/cgroup.controllers')
  ? '/sys/fs/cgroup'
  : '/sys/fs/cgroup/pids';

export type Node = 'nodeA' | 'nodeB';
/** `tool`: see {@link Network.startTool}. */
export type Where = Node | 'pod' | 'tool';

/** Of a cable: a namespace, the interface there, and its address. */
type Side = readonly [Where, string, string];

/**
 * Two nodes joined by an underlay of MTU 1500, and a pod on the first, as network namespaces of their own. The pod's
 * process is in a cgroup as the kubelet would name it, so that the agent finds it as it does in a cluster.
 */
export class Network {
  readonly #name = `kokotap-test-${randomBytes(3).toString('hex')}`;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  readonly #children: ChildProcess[] = [];
  readonly podUid: string = randomUUID();
  readonly toolUid: string = randomUUID();
  #pods = 0;
  #tools = 0;
  #podProcess: ChildProcess | undefined;
  #toolProcess: ChildProcess | undefined;

  /** Makes all of it. */
  async build(): Promise<void> {
    const [a, b] = [this.netns('nodeA'), this.netns('nodeB')];
    for (const node of [a, b]) {
      await ip(['netns', 'add', node]);
      await ip(['-netns', node, 'link', 'set', 'lo', 'up']);
    }
    await ip(['link', 'add', 'underlay', 'netns', a, 'type', 'veth', 'peer', 'name', 'underlay', 'netns', b]);
    for (const [node, address] of [
      [a, addresses.nodeA],
      [b, addresses.nodeB],
    ] as const) {
      await ip(['-netns', node, 'address', 'add', `${address}/24`, 'dev', 'underlay']);
      await ip(['-netns', node, 'link', 'set', 'underlay', 'up']);
    }
    await this.startPod();
  }

  /** Lets the target's node forward packets, as a node of Kubernetes does. */
  async forward(): Promise<void> {
    await this.exec('nodeA', 'sysctl -qw net.ipv4.ip_forward=1');
  }

  /** The name of a network namespace for `ip netns`; that of a pod changes with every start. */
  netns(where: Where): string {
    const starts = { pod: this.#pods, tool: this.#tools, nodeA: '', nodeB: '' };
    return `${this.#name}-${where}${starts[where]}`;
  }

  /** Starts the pod in a new network namespace. */
  async startPod(): Promise<void> {
    this.#pods++;
    const [node, pod] = [this.netns('nodeA'), this.netns('pod')];
    await ip(['netns', 'add', pod]);
    await ip(['-netns', pod, 'link', 'set', 'lo', 'up']);
    await ip(['link', 'add', 'vethpod', 'netns', node, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod]);
    await ip(['-netns', node, 'address', 'add', `${addresses.gateway}/24`, 'dev', 'vethpod']);
    await ip(['-netns', node, 'link', 'set', 'vethpod', 'up']);
    await ip(['-netns', pod, 'address', 'add', `${addresses.pod}/24`, 'dev', 'eth0']);
    await ip(['-netns', pod, 'link', 'set', 'eth0', 'up']);
    this.startContainer();
  }

  /**
   * Switches IPv6 and ARP off on the cables, so that only the test's own traffic is on them, and checksum offload, so that
   * a frame has its final checksum wherever it is captured.
   */
  async quiet(): Promise<void> {
    for (const [where, ifname] of [
      ['nodeA', 'underlay'],
      ['nodeB', 'underlay'],
      ['nodeA', 'vethpod'],
      ['pod', 'eth0'],
    ] as const) {
      await this.quietLink(where, ifname);
    }
    const { nodeA, nodeB, pod, gateway } = addresses;
    await this.#withoutArp(['nodeA', 'underlay', nodeA], ['nodeB', 'underlay', nodeB]);
    await this.#withoutArp(['nodeA', 'vethpod', gateway], ['pod', 'eth0', pod]);
  }

  /** Gives both sides of a cable the other's hardware address for good: the kernel asks again after seconds. */
  async #withoutArp(...sides: readonly [Side, Side]): Promise<void> {
    const [here, there] = sides;
    for (const [[where, ifname], [other, otherIfname, address]] of [
      [here, there],
      [there, here],
    ] as const) {
      const mac = (await this.mac(other, otherIfname)).replaceAll(/..(?=.)/g, '$&:');
      await this.exec(where, `ip neighbour replace ${address} lladdr ${mac} dev ${ifname} nud permanent`);
    }
  }

  /** See {@link quiet}. */
  async quietLink(where: Where, ifname: string): Promise<void> {
    await this.exec(where, 'sysctl', '-qw', `net.ipv6.conf.${ifname}.disable_ipv6=1`);
    await this.exec(where, 'ethtool', '-K', ifname, 'tx', 'off');
    const isUp = async () =>
      (await this.exec(where, 'ip', 'link', 'show', 'dev', ifname)).includes('state UP');
    await until(isUp, `${ifname} is up`);
  }

  /** Switches IPv6 off between the pod and its node, so that the kernel sends nothing there by itself. */
  async withoutIPv6(): Promise<void> {
    await this.exec('nodeA', 'sysctl -qw net.ipv6.conf.vethpod.disable_ipv6=1');
    await this.exec('pod', 'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1');
  }

  /** Gives nodes and pod IPv6 addresses as well. */
  async addIPv6(): Promise<void> {
    for (const [where, ifname, address] of [
      ['nodeA', 'underlay', ipv6.nodeA],
      ['nodeB', 'underlay', ipv6.nodeB],
      ['nodeA', 'vethpod', ipv6.gateway],
      ['pod', 'eth0', ipv6.pod],
    ] as const) {
      await this.exec(where, 'sysctl', '-qw', `net.ipv6.conf.${ifname}.disable_ipv6=0`);
      await this.exec(where, 'ip', 'address', 'add', `${address}/64`, 'dev', ifname, 'nodad');
    }
  }

  /** Gives the pod an interface net1, whose other end, `wire` on node A, has an address of the same network. */
  async addSecondInterface(kind: 'veth' | 'macvlan'): Promise<void> {
    const pod = this.netns('pod');
    const ends = [
      ['nodeA', 'wire'],
      ['pod', 'net1'],
    ] as const;
    if (kind === 'veth') {
      await this.exec('nodeA', `ip link add wire type veth peer name net1 netns ${pod}`);
    } else {
      await this.exec('nodeA', 'ip link add wire type veth peer name lower');
      await this.exec('nodeA', `ip link add net1 netns ${pod} link lower type macvlan mode bridge`);
      await this.exec('nodeA', 'ip link set lower up');
    }
    for (const [where, ifname] of ends) await this.exec(where, `ip link set ${ifname} up`);
    if (kind === 'macvlan') await this.quietLink('nodeA', 'lower');
    for (const [where, ifname] of ends) {
      await this.quietLink(where, ifname);
      const address = where === 'pod' ? second.pod : second.gateway;
      await this.exec(where, `ip address add ${address}/24 dev ${ifname}`);
    }
    await this.#withoutArp(['nodeA', 'wire', second.gateway], ['pod', 'net1', second.pod]);
  }

  /** Sets the MTU, in bytes, of the pod's interface and its other end. */
  async setPodMtu(mtuBytes: number): Promise<void> {
    await this.exec('nodeA', `ip link set vethpod mtu ${mtuBytes}`);
    await this.exec('pod', `ip link set eth0 mtu ${mtuBytes}`);
  }

  /** Starts a process of the pod in its namespace. */
  startContainer(): void {
    this.#podProcess = this.#startProcess('pod', this.podUid);
  }

  #startProcess(where: Where, podUid: string): ChildProcess {
    const cgroup = this.#cgroup(podUid);
    mkdirSync(cgroup, { recursive: true });
    const child = spawn('nsenter', [`--net=/run/netns/${this.netns(where)}`, 'sleep', 'infinity'], {
      stdio: 'ignore',
    });
    writeFileSync(path.join(cgroup, 'cgroup.procs'), String(child.pid));
    return child;
  }

  /** Starts another pod, which copies go to, in a new network namespace. It has no network of its own and needs none. */
  async startTool(): Promise<void> {
    this.#tools++;
    await ip(['netns', 'add', this.netns('tool')]);
    await ip(['-netns', this.netns('tool'), 'link', 'set', 'lo', 'up']);
    this.#toolProcess = this.#startProcess('tool', this.toolUid);
  }

  /** Starts it in another network namespace; the one before stays for {@link execIn}. */
  async replaceTool(): Promise<void> {
    await end(this.#toolProcess, 'SIGKILL');
    await this.startTool();
  }

  /** Ends that pod with its namespace. */
  async stopTool(): Promise<void> {
    await end(this.#toolProcess, 'SIGKILL');
    await ip(['netns', 'delete', this.netns('tool')]);
  }

  /** Ends the pod's process; its namespace stays, as CRI-O's does. */
  async stopContainer(): Promise<void> {
    await end(this.#podProcess, 'SIGKILL');
  }

  /** Ends the pod with its namespace, which takes the cable's other end with it a little later. */
  async stopPod(): Promise<void> {
    await this.stopContainer();
    await ip(['netns', 'delete', this.netns('pod')]);
    const isGone = async () => !(await this.exec('nodeA', 'ip', 'link')).includes('vethpod');
    await until(isGone, 'vethpod is gone');
  }

  /**
   * Runs a command in a namespace and returns its output.
   *
   * @param command words parted by blanks
   * @param args more words, taken as they are
   */
  exec(where: Where, command: string, ...args: string[]): Promise<string> {
    return this.execIn(this.netns(where), command, ...args);
  }

  /** The same by the name of a namespace. */
  execIn(netns: string, command: string, ...args: string[]): Promise<string> {
    return run('nsenter', [`--net=/run/netns/${netns}`, ...command.split(' '), ...args], {
      timeoutMs: scaled(30_000),
    });
  }

  /** Starts a command in a namespace; it ends with the test at the latest. */
  spawn(where: Where, ...command: string[]): ChildProcess {
    return this.#spawn('ignore', where, command);
  }

  /** Like {@link spawn}, of a command that is told more on its standard input. */
  spawnTalking(where: Where, ...command: string[]): ChildProcess {
    return this.#spawn('pipe', where, command);
  }

  #spawn(stdin: 'ignore' | 'pipe', where: Where, command: readonly string[]): ChildProcess {
    const child = spawn('nsenter', [`--net=/run/netns/${this.netns(where)}`, ...command], {
      stdio: [stdin, 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return child;
  }

  /** The hardware address of an interface, in hexadecimal. */
  async mac(where: Where, ifname: string): Promise<string> {
    const link = await this.exec(where, `ip -oneline link show dev ${ifname}`);
    return /link\/ether (\S+)/.exec(link)?.[1]?.replaceAll(':', '') ?? '';
  }

  /** A file of the test's own. */
  file(name: string): string {
    return path.join(this.#folder, name);
  }

  /** Everything of a namespace that a tap must leave as it was. */
  async snapshot(where: Where): Promise<string> {
    const links = await this.exec(where, 'ip', '-details', 'link', 'show');
    const names = [...links.matchAll(/^\d+: ([^:@]+)/gm)].flatMap(([, name]) => name ?? []);
    const filters = await Promise.all(
      names.flatMap((name) =>
        ['ingress', 'egress'].map(async (hook) => {
          const shown = await this.exec(where, 'tc', 'filter', 'show', 'dev', name, hook).catch(() => '');
          return `${name} ${hook}: ${shown}`;
        }),
      ),
    );
    const qdiscs = await this.exec(where, 'tc', 'qdisc', 'show');
    const routes = await this.exec(where, 'ip', 'route', 'show', 'table', 'all');
    const sysctls = await this.exec(
      where,
      'sh',
      '-c',
      'grep -rs . /proc/sys/net/ipv4 /proc/sys/net/ipv6 /proc/sys/net/core | sort',
    );
    const tables = await this.exec(where, 'nft', 'list', 'tables');
    return [links, qdiscs, ...filters, routes, sysctls, tables].join('\n');
  }

  /** Ends every process and removes all that was made, also when {@link build} failed half-way. */
  async destroy(): Promise<void> {
    for (const child of this.#children) await end(child, 'SIGKILL');
    await this.stopContainer();
    await end(this.#toolProcess, 'SIGKILL');
    for (const name of readdirSync('/run/netns')) {
      if (name.startsWith(this.#name)) await ip(['netns', 'delete', name]);
    }
    const tool = this.#cgroup(this.toolUid);
    const folders = [tool, path.dirname(tool)];
    for (let folder = this.#cgroup(this.podUid); folder !== cgroupRoot; folder = path.dirname(folder))
      folders.push(folder);
    for (const folder of folders) await until(async () => removed(folder), `${folder} can be removed`);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #cgroup(podUid: string): string {
    return path.join(cgroupRoot, this.#name, 'kubepods', 'besteffort', `pod${podUid}`, 'c1');
  }
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
  } catch {
    return !existsSync(folder);
  }
  return true;
}

/** Runs ip for the whole machine. The first device of a kind takes long where the kernel loads a module for it. */
async function ip(args: readonly string[]): Promise<void> {
  await run('ip', args, { timeoutMs: scaled(10_000) });
}
