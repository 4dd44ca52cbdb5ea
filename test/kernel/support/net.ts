import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmdirSync,
  rmSync,
  existsSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test as base } from 'vitest';
import type { EndStatus } from '#src/agent/status.ts';
import { run } from '#src/exec/command.ts';
import { Agent } from './agent.ts';
import { scaled } from './speed.ts';
import { end, until } from './wait.ts';

const agentBundle = path.resolve('dist/kokotap-agent.js');
const cgroupRoot = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids';

/** Addresses in a {@link Net}; the ranges are reserved for documentation. */
export const addresses = {
  nodeA: '192.0.2.1',
  nodeB: '192.0.2.2',
  pod: '198.51.100.2',
  gateway: '198.51.100.1',
};

/** Those of {@link Net.addIPv6}. */
export const ipv6: typeof addresses = {
  nodeA: '2001:db8:1::1',
  nodeB: '2001:db8:1::2',
  pod: '2001:db8:2::2',
  gateway: '2001:db8:2::1',
};

/** Those of {@link Net.addSecondInterface}. */
export const second = { gateway: '203.0.113.1', pod: '203.0.113.2' };

export type Where = 'nodeA' | 'nodeB' | 'pod';

/**
 * Two nodes joined by an underlay of MTU 1500, and a pod on the first, as network namespaces of their own. The pod's
 * process is in a cgroup as the kubelet would name it, so that the agent finds it as it does in a cluster.
 */
export class Net {
  readonly #name = `kokotap-test-${randomBytes(3).toString('hex')}`;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  readonly #children: ChildProcess[] = [];
  readonly podUid: string = randomUUID();
  /** Of its own, for `status` sees the ends that other tests have at the same time. */
  readonly tapId: string = randomBytes(6).toString('hex');
  #pods = 0;
  #podProcess: ChildProcess | undefined;

  static async create(): Promise<Net> {
    const net = new Net();
    const [a, b] = [net.netns('nodeA'), net.netns('nodeB')];
    for (const node of [a, b]) {
      await run('ip', ['netns', 'add', node]);
      await run('ip', ['-netns', node, 'link', 'set', 'lo', 'up']);
    }
    await run('ip', [
      'link',
      'add',
      'underlay',
      'netns',
      a,
      'type',
      'veth',
      'peer',
      'name',
      'underlay',
      'netns',
      b,
    ]);
    for (const [node, address] of [
      [a, addresses.nodeA],
      [b, addresses.nodeB],
    ] as const) {
      await run('ip', ['-netns', node, 'address', 'add', `${address}/24`, 'dev', 'underlay']);
      await run('ip', ['-netns', node, 'link', 'set', 'underlay', 'up']);
    }
    await net.startPod();
    return net;
  }

  /** The name of a network namespace for `ip netns`; that of the pod changes with every start. */
  netns(where: Where): string {
    return where === 'pod' ? `${this.#name}-pod${this.#pods}` : `${this.#name}-${where}`;
  }

  /** Starts the pod in a new network namespace. */
  async startPod(): Promise<void> {
    this.#pods++;
    const [node, pod] = [this.netns('nodeA'), this.netns('pod')];
    await run('ip', ['netns', 'add', pod]);
    await run('ip', ['-netns', pod, 'link', 'set', 'lo', 'up']);
    await run('ip', [
      'link',
      'add',
      'vethpod',
      'netns',
      node,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      pod,
    ]);
    await run('ip', ['-netns', node, 'address', 'add', `${addresses.gateway}/24`, 'dev', 'vethpod']);
    await run('ip', ['-netns', node, 'link', 'set', 'vethpod', 'up']);
    await run('ip', ['-netns', pod, 'address', 'add', `${addresses.pod}/24`, 'dev', 'eth0']);
    await run('ip', ['-netns', pod, 'link', 'set', 'eth0', 'up']);
    this.startContainer();
  }

  /**
   * Switches IPv6 off on the cables, so that only the test's own traffic is on them, and checksum offload, so that a
   * frame has its final checksum wherever it is captured.
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
  }

  /** See {@link quiet}. */
  async quietLink(where: Where, ifname: string): Promise<void> {
    await this.exec(where, 'sysctl', '-qw', `net.ipv6.conf.${ifname}.disable_ipv6=1`);
    await this.exec(where, 'ethtool', '-K', ifname, 'tx', 'off');
    const isUp = async () =>
      (await this.exec(where, 'ip', 'link', 'show', 'dev', ifname)).includes('state UP');
    await until(isUp, 5000, `${ifname} is up`);
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
  }

  /** Sets the MTU, in bytes, of the pod's interface and its other end. */
  async setPodMtu(mtuBytes: number): Promise<void> {
    await this.exec('nodeA', `ip link set vethpod mtu ${mtuBytes}`);
    await this.exec('pod', `ip link set eth0 mtu ${mtuBytes}`);
  }

  /** Starts a process of the pod in its namespace. */
  startContainer(): void {
    const cgroup = this.#cgroup();
    mkdirSync(cgroup, { recursive: true });
    const child = spawn('nsenter', [`--net=/run/netns/${this.netns('pod')}`, 'sleep', 'infinity'], {
      stdio: 'ignore',
    });
    writeFileSync(path.join(cgroup, 'cgroup.procs'), String(child.pid));
    this.#podProcess = child;
  }

  /** Ends the pod's process; its namespace stays, as CRI-O's does. */
  async stopContainer(): Promise<void> {
    await end(this.#podProcess, 'SIGKILL');
  }

  /** Ends the pod with its namespace, which takes the cable's other end with it a little later. */
  async stopPod(): Promise<void> {
    await this.stopContainer();
    await run('ip', ['netns', 'delete', this.netns('pod')]);
    const isGone = async () => !(await this.exec('nodeA', 'ip', 'link')).includes('vethpod');
    await until(isGone, 10_000, 'vethpod is gone');
  }

  /**
   * Runs a command in a namespace and returns its output.
   *
   * @param command words parted by blanks
   * @param args more words, taken as they are
   */
  exec(where: Where, command: string, ...args: string[]): Promise<string> {
    return run('nsenter', [`--net=/run/netns/${this.netns(where)}`, ...command.split(' '), ...args], {
      timeoutMs: scaled(30_000),
    });
  }

  /** Starts a command in a namespace; it ends with the test at the latest. */
  spawn(where: Where, ...command: string[]): ChildProcess {
    const child = spawn('nsenter', [`--net=/run/netns/${this.netns(where)}`, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
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

  /** Starts the agent's bundle on a node, with a /run/kokotap of its own, as it has in a pod. */
  startAgent(where: 'nodeA' | 'nodeB', ...args: string[]): Agent {
    return this.startAgentBundle(agentBundle, where, ...args);
  }

  /** Like {@link startAgent}, where a program does not do what it should. */
  startAgentWithout(program: string, where: 'nodeA' | 'nodeB', ...args: string[]): Agent {
    return this.#spawnAgent(`mount --bind /bin/false ${program} && `, agentBundle, where, ...args);
  }

  /** Like {@link startAgent}, with a bundle from another folder. */
  startAgentBundle(bundle: string, where: 'nodeA' | 'nodeB', ...args: string[]): Agent {
    return this.#spawnAgent('', bundle, where, ...args);
  }

  #spawnAgent(before: string, bundle: string, where: 'nodeA' | 'nodeB', ...args: string[]): Agent {
    const runFolder = mkdtempSync(path.join(this.#folder, 'run-'));
    // As in the pods: exactly the capabilities that the manifests name.
    const rights = args[0] === 'sender' ? '+net_admin,+sys_admin,+sys_ptrace' : '+net_admin';
    // On a /run of its own: who removes a folder of the machine's takes the mounts on it away in all mount namespaces.
    const mount = `${before}mount -t tmpfs run /run && mkdir /run/kokotap && mount --bind "$0" /run/kokotap && exec "$@"`;
    const inside = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      mount,
      runFolder,
      'setpriv',
      `--bounding-set=-all,${rights}`,
    ];
    const child = this.spawn(where, ...inside, process.execPath, bundle, ...args);
    return new Agent(child, path.join(runFolder, 'ready'));
  }

  startSender(changes: Record<string, string> = {}): Agent {
    return this.startAgent('nodeA', 'sender', ...this.#senderFlags(changes));
  }

  /**
   * Starts a sender whose eBPF object cannot be loaded.
   *
   * @param object in place of the real one; by default it has of that the settings only
   */
  startPlainSender(
    changes: Record<string, string> = {},
    object: Uint8Array = Buffer.concat([Buffer.from('!patokok'), Buffer.alloc(40)]),
  ): Agent {
    const bundle = this.file('kokotap-agent.js');
    copyFileSync(agentBundle, bundle);
    writeFileSync(this.file('mirror.bpf.o'), object);
    writeFileSync(this.file('package.json'), '{"type":"module"}');
    return this.startAgentBundle(bundle, 'nodeA', 'sender', ...this.#senderFlags(changes));
  }

  startReceiver(changes: Record<string, string> = {}): Agent {
    return this.startAgent('nodeB', 'receiver', ...this.#receiverFlags(changes));
  }

  /** Starts a receiver where nftables does not work. */
  startReceiverWithoutGuard(): Agent {
    return this.startAgentWithout('/usr/sbin/nft', 'nodeB', 'receiver', ...this.#receiverFlags());
  }

  /** Starts a sender where nftables does not work. */
  startSenderWithoutGuard(changes: Record<string, string> = {}): Agent {
    return this.startAgentWithout('/usr/sbin/nft', 'nodeA', 'sender', ...this.#senderFlags(changes));
  }

  /** Starts both agents and waits until both are ready. */
  async tap(changes: Record<string, string> = {}): Promise<{ sender: Agent; receiver: Agent }> {
    const both = Object.entries(changes).filter(([name]) => !senderFlags.has(name));
    const receiver = this.startReceiver(Object.fromEntries(both));
    const sender = this.startSender(changes);
    await Promise.all([sender.ready(), receiver.ready()]);
    return { sender, receiver };
  }

  /** Starts both agents of a tap over an IPv6 underlay; see {@link addIPv6}. */
  async tapOverIPv6(changes: Record<string, string> = {}): Promise<void> {
    const receiver = this.startReceiver({ local: ipv6.nodeB, remote: ipv6.nodeA });
    const sender = this.startSender({ local: ipv6.nodeA, remote: ipv6.nodeB, ...changes });
    await Promise.all([sender.ready(), receiver.ready()]);
  }

  /** Starts both agents of a tap of a node's own underlay interface and waits until both are ready. */
  async tapNode(
    from: 'nodeA' | 'nodeB',
    to: 'nodeA' | 'nodeB',
    changes: Record<string, string> = {},
  ): Promise<{ sender: Agent; receiver: Agent }> {
    const both = Object.entries(changes).filter(([name]) => !senderFlags.has(name));
    const target = { 'host-network': '', 'pod-ifname': 'underlay', 'mirror-type': 'both' };
    const receiverChanges = Object.fromEntries(both.map(([name, value]) => [otherEnd[name] ?? name, value]));
    const receiver = this.startAgent(
      to,
      'receiver',
      ...flags({ ...this.#tunnel(to, from), ...receiverChanges }),
    );
    const sender = this.startAgent(
      from,
      'sender',
      ...flags({ ...target, ...this.#tunnel(from, to), ...changes }),
    );
    await Promise.all([sender.ready(), receiver.ready()]);
    return { sender, receiver };
  }

  startSameNodeSender(changes: Record<string, string> = {}): Agent {
    return this.startAgent(
      'nodeA',
      'sender',
      ...flags({ ...this.#target(), ...this.#sameNode(), ...changes }),
    );
  }

  /** Starts both agents of a tap whose destination is the pod's own node. */
  async tapSameNode(changes: Record<string, string> = {}): Promise<{ sender: Agent; receiver: Agent }> {
    const sender = this.startSameNodeSender(changes);
    const receiver = this.startAgent('nodeA', 'receiver', ...flags(this.#sameNode()));
    await Promise.all([sender.ready(), receiver.ready()]);
    return { sender, receiver };
  }

  /** What the agent's `status` says of the tap's ends that a node sees. */
  async status(where: 'nodeA' | 'nodeB', tapId = this.tapId): Promise<readonly EndStatus[]> {
    return JSON.parse(await this.ask(where, 'status', tapId)).ends;
  }

  /** Runs a command of the agent that is about what is there. */
  ask(where: 'nodeA' | 'nodeB', command: 'status' | 'probe', tapId = this.tapId): Promise<string> {
    const asked = [process.execPath, agentBundle, command, `--tap-id=${tapId}`];
    return run('nsenter', [`--net=/run/netns/${this.netns(where)}`, ...asked], {
      timeoutMs: scaled(30_000),
    });
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

  async destroy(): Promise<void> {
    for (const child of this.#children) await end(child, 'SIGKILL');
    await this.stopContainer();
    for (const name of readdirSync('/run/netns')) {
      if (name.startsWith(this.#name)) await run('ip', ['netns', 'delete', name]);
    }
    for (let folder = this.#cgroup(); folder !== cgroupRoot; folder = path.dirname(folder)) {
      await until(async () => removed(folder), 5000, `${folder} can be removed`);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #senderFlags(changes: Record<string, string>): string[] {
    return flags({ ...this.#target(), ...this.#tunnel('nodeA', 'nodeB'), ...changes });
  }

  #receiverFlags(changes: Record<string, string> = {}): string[] {
    return flags({ ...this.#tunnel('nodeB', 'nodeA'), ...changes });
  }

  #target(): Record<string, string> {
    return { 'pod-uid': this.podUid, 'pod-ifname': 'eth0', 'mirror-type': 'both' };
  }

  #tap(): Record<string, string> {
    return { 'tap-id': this.tapId, ifname: 'mirror' };
  }

  #tunnel(local: 'nodeA' | 'nodeB', remote: 'nodeA' | 'nodeB'): Record<string, string> {
    const ends = { local: addresses[local], remote: addresses[remote] };
    return { ...this.#tap(), vni: '100', 'vxlan-port': '4789', ...ends };
  }

  #sameNode(): Record<string, string> {
    return { ...this.#tap(), 'same-node': '' };
  }

  #cgroup(): string {
    return path.join(cgroupRoot, this.#name, 'kubepods', 'besteffort', `pod${this.podUid}`, 'c1');
  }
}

/** A test with two nodes and a pod. */
export const test = base.extend<{ net: Net }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest wants to see what a fixture uses
  net: async ({}, use) => {
    const net = await Net.create();
    try {
      await use(net);
    } finally {
      await net.destroy();
    }
  },
});

/** Those that a receiver does not have. */
const senderFlags = new Set([
  'pod-ifname',
  'mirror-type',
  'filter',
  'snaplen',
  'one-in',
  'max-bytes-per-second',
]);
const otherEnd: Record<string, string> = { local: 'remote', remote: 'local' };

function flags(values: Record<string, string>): string[] {
  return Object.entries(values).map(([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`));
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
  } catch {
    return !existsSync(folder);
  }
  return true;
}
