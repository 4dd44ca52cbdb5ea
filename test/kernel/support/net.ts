import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
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
import { setTimeout as sleep } from 'node:timers/promises';
import { test as base } from 'vitest';
import { run } from '#src/exec/command.ts';

const agentBundle = path.resolve('dist/kokotap-agent.js');
const cgroupRoot = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids';

/** Addresses in a {@link Net}; the ranges are reserved for documentation. */
export const addresses = {
  nodeA: '192.0.2.1',
  nodeB: '192.0.2.2',
  pod: '198.51.100.2',
  gateway: '198.51.100.1',
};

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
      await this.exec(where, 'sysctl', '-qw', `net.ipv6.conf.${ifname}.disable_ipv6=1`);
      await this.exec(where, 'ethtool', '-K', ifname, 'tx', 'off');
      const isUp = async () =>
        (await this.exec(where, 'ip', 'link', 'show', 'dev', ifname)).includes('state UP');
      await until(isUp, 5000, `${ifname} is up`);
    }
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

  /** Ends the pod with its namespace. */
  async stopPod(): Promise<void> {
    await this.stopContainer();
    await run('ip', ['netns', 'delete', this.netns('pod')]);
  }

  /**
   * Runs a command in a namespace and returns its output.
   *
   * @param command words parted by blanks
   * @param args more words, taken as they are
   */
  exec(where: Where, command: string, ...args: string[]): Promise<string> {
    return run('nsenter', [`--net=/run/netns/${this.netns(where)}`, ...command.split(' '), ...args]);
  }

  /** Starts a command in a namespace; it ends with the test at the latest. */
  spawn(where: Where, ...command: string[]): ChildProcess {
    const child = spawn('nsenter', [`--net=/run/netns/${this.netns(where)}`, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return child;
  }

  /** A file of the test's own. */
  file(name: string): string {
    return path.join(this.#folder, name);
  }

  /** Starts the agent's bundle on a node, with a /run/kokotap of its own, as it has in a pod. */
  startAgent(where: 'nodeA' | 'nodeB', ...args: string[]): Agent {
    return this.startAgentBundle(agentBundle, where, ...args);
  }

  /** Like {@link startAgent}, with a bundle from another folder. */
  startAgentBundle(bundle: string, where: 'nodeA' | 'nodeB', ...args: string[]): Agent {
    const runFolder = mkdtempSync(path.join(this.#folder, 'run-'));
    mkdirSync('/run/kokotap', { recursive: true });
    // As in the pods: exactly the capabilities that the manifests name.
    const rights = args[0] === 'sender' ? '+net_admin,+sys_admin,+sys_ptrace' : '+net_admin';
    const mount = 'mount --bind "$0" /run/kokotap && exec "$@"';
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

  /** Starts a sender that has no eBPF program. */
  startPlainSender(): Agent {
    const bundle = this.file('kokotap-agent.js');
    copyFileSync(agentBundle, bundle);
    writeFileSync(this.file('package.json'), '{"type":"module"}');
    return this.startAgentBundle(bundle, 'nodeA', 'sender', ...this.#senderFlags({}));
  }

  startReceiver(changes: Record<string, string> = {}): Agent {
    return this.startAgent('nodeB', 'receiver', ...flags({ ...tunnel('nodeB', 'nodeA'), ...changes }));
  }

  /** Starts both agents and waits until both are ready. */
  async tap(changes: Record<string, string> = {}): Promise<{ sender: Agent; receiver: Agent }> {
    const { 'pod-ifname': ifname, 'mirror-type': type, filter, ...both } = changes;
    const only = {
      ...(ifname && { 'pod-ifname': ifname }),
      ...(type && { 'mirror-type': type }),
      ...(filter && { filter }),
    };
    const receiver = this.startReceiver(both);
    const sender = this.startSender({ ...both, ...only });
    await Promise.all([sender.ready(), receiver.ready()]);
    return { sender, receiver };
  }

  startSameNodeSender(): Agent {
    return this.startAgent('nodeA', 'sender', ...flags(this.#target()), ...sameNode);
  }

  /** Starts both agents of a tap whose destination is the pod's own node. */
  async tapSameNode(): Promise<{ sender: Agent; receiver: Agent }> {
    const sender = this.startSameNodeSender();
    const receiver = this.startAgent('nodeA', 'receiver', ...sameNode);
    await Promise.all([sender.ready(), receiver.ready()]);
    return { sender, receiver };
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
    return [links, qdiscs, ...filters, routes, sysctls].join('\n');
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
    try {
      rmdirSync('/run/kokotap');
    } catch {
      // Another test is using it.
    }
  }

  #senderFlags(changes: Record<string, string>): string[] {
    return flags({ ...this.#target(), ...tunnel('nodeA', 'nodeB'), ...changes });
  }

  #target(): Record<string, string> {
    return { 'pod-uid': this.podUid, 'pod-ifname': 'eth0', 'mirror-type': 'both' };
  }

  #cgroup(): string {
    return path.join(cgroupRoot, this.#name, 'kubepods', 'besteffort', `pod${this.podUid}`, 'c1');
  }
}

/** A running agent. */
export class Agent {
  readonly child: ChildProcess;
  readonly #readyFile: string;
  #output = '';

  constructor(child: ChildProcess, readyFile: string) {
    this.child = child;
    this.#readyFile = readyFile;
    const collect = (chunk: Buffer): void => {
      this.#output += chunk.toString();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
  }

  /** What it logged so far. */
  get log(): { readonly msg: string; readonly state?: string; readonly steps?: readonly string[] }[] {
    return this.#output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  get output(): string {
    return this.#output;
  }

  isReady(): boolean {
    return existsSync(this.#readyFile);
  }

  async ready(): Promise<void> {
    await until(
      async () => this.isReady(),
      10_000,
      'the agent is ready',
      () => this.#output,
    );
  }

  async logged(text: string | RegExp, timeoutMs = 10_000): Promise<void> {
    const found = () => (typeof text === 'string' ? this.#output.includes(text) : text.test(this.#output));
    await until(
      async () => found(),
      timeoutMs,
      `the agent logs ${String(text)}`,
      () => this.#output,
    );
  }

  /** Ends it as the kubelet does; returns the exit code. */
  async stop(): Promise<number | null> {
    return end(this.child, 'SIGTERM');
  }

  async kill(): Promise<void> {
    await end(this.child, 'SIGKILL');
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

/** Waits for something to be so. */
async function until(
  condition: () => Promise<boolean>,
  timeoutMs: number,
  what: string,
  detail: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`Waited ${timeoutMs} ms in vain until ${what}\n${detail()}`);
    await sleep(20);
  }
}

const tap = { 'tap-id': 'aabbccddeeff', ifname: 'mirror' };
const sameNode = [...flags(tap), '--same-node'];

function tunnel(local: 'nodeA' | 'nodeB', remote: 'nodeA' | 'nodeB'): Record<string, string> {
  return { ...tap, vni: '100', 'vxlan-port': '4789', local: addresses[local], remote: addresses[remote] };
}

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

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<number | null> {
  if (child === undefined) return null;
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
  return child.exitCode;
}
