import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test as base } from 'vitest';
import type { EndpointStatus } from '#src/agent/status/endpointStatus.ts';
import { run } from '#src/exec/command.ts';
import { addresses, ipv6 } from './addresses.ts';
import { Agent } from './agent.ts';
import { commandLine } from './document.ts';
import { Network, type Node } from './network.ts';
import { scaled } from './speed.ts';

/** Makes a tap's agents take the time that they take in production; other tests shorten it. */
export const production = { 'tick-ms': '1000' };

const agentBundle = path.resolve('dist/kokotap-agent.js');

/** Copies go past the IP stack of the node in this run of the tests, where they can. */
export const isFastPath = process.env['KOKOTAP_TEST_FAST_PATH'] === '1';

/** A {@link Network} and the agents of its taps. */
export class Net extends Network {
  /** Of its own, for `status` sees the ends that other tests have at the same time. */
  readonly tapId: string = newTapId();
  /** Of a second tap in the same test whose status is asked for. */
  readonly otherTapId: string = newTapId();
  /**
   * A quarter of the agent's period, of which an agent uses little: also on a machine of half the usual speed, as one is that
   * runs several tests at once. More on a slower one, up to that period, so that the agents have time to answer.
   */
  readonly tickMs: number = Math.min(1000, Math.max(250, scaled(125)));

  /** Waits while an agent does so many times what it does in every period. */
  async ticks(count: number): Promise<void> {
    await sleep(count * this.tickMs);
  }

  /** Starts the agent's bundle on a node, with a /dev/shm/kokotap of its own, as it has in a pod. */
  startAgent(where: Node, ...args: string[]): Agent {
    return this.startAgentBundle(agentBundle, where, ...args);
  }

  /** Like {@link startAgent}, where a program does not do what it should. */
  startAgentWithout(program: string, where: Node, ...args: string[]): Agent {
    return this.#spawnAgent(`mount --bind /bin/false ${program} && `, agentBundle, where, ...args);
  }

  /** Starts a sender in a mount namespace of its own that a shell command has changed. */
  startSenderAfter(command: string, changes: Record<string, string> = {}): Agent {
    const args = ['sender', ...this.#senderFlags(changes)];
    return this.#spawnAgent(`${command} && `, agentBundle, 'nodeA', ...args);
  }

  /**
   * Starts a sender for which a shell script stands in front of `tc`. What is asked of tc is in `$*` and `$INPUT`, its
   * standard input; behind the script tc runs, unless that exits.
   */
  startSenderWithTc(script: string, changes: Record<string, string> = {}): Agent {
    const [shim, program] = [this.file('tc'), this.file('tc.real')];
    copyFileSync('/usr/sbin/tc', program);
    const lines = [
      '#!/bin/sh',
      `TC=${program}`,
      'INPUT=$(cat)',
      script,
      'printf "%s\\n" "$INPUT" | $TC "$@"',
    ];
    writeFileSync(shim, lines.join('\n'), { mode: 0o755 });
    const mount = `mount --bind ${shim} /usr/sbin/tc && `;
    return this.#spawnAgent(mount, agentBundle, 'nodeA', 'sender', ...this.#senderFlags(changes));
  }

  /** Starts a sender for which the kernel has no macvlan devices. */
  startSenderWithoutMacvlan(changes: Record<string, string> = {}): Agent {
    const [shim, program] = [this.file('ip'), this.file('ip.real')];
    copyFileSync('/usr/sbin/ip', program);
    const refuse = `case "$*" in *'type macvlan'*) echo 'Error: Unknown device type.' >&2; exit 2;; esac`;
    writeFileSync(shim, `#!/bin/sh\n${refuse}\nexec ${program} "$@"\n`, { mode: 0o755 });
    const mount = `mount --bind ${shim} /usr/sbin/ip && `;
    return this.#spawnAgent(mount, agentBundle, 'nodeA', 'sender', ...this.#senderFlags(changes));
  }

  /** Starts a sender for which nft fails at what has these words in it. */
  startSenderWithNftRefusing(words: string, changes: Record<string, string> = {}): Agent {
    const [shim, program] = [this.file('nft'), this.file('nft.real')];
    copyFileSync('/usr/sbin/nft', program);
    const script = `#!/bin/sh\ncase "$*" in *'${words}'*) echo refused >&2; exit 1;; esac\nexec ${program} "$@"\n`;
    writeFileSync(shim, script, { mode: 0o755 });
    const mount = `mount --bind ${shim} /usr/sbin/nft && `;
    return this.#spawnAgent(mount, agentBundle, 'nodeA', 'sender', ...this.#senderFlags(changes));
  }

  /** Like {@link startAgent}, with a bundle from another folder. */
  startAgentBundle(bundle: string, where: Node, ...args: string[]): Agent {
    return this.#spawnAgent('', bundle, where, ...args);
  }

  #spawnAgent(before: string, bundle: string, where: Node, ...args: string[]): Agent {
    const runFolder = mkdtempSync(this.file('run-'));
    // As in the pods: exactly the capabilities that the manifests name.
    const entersPods = args[0] === 'sender' || args.some((arg) => arg.startsWith('--destination-pod'));
    const rights = entersPods ? '+net_admin,+sys_admin,+sys_ptrace' : '+net_admin';
    // On a /dev/shm of its own: who removes a folder of the machine's takes the mounts on it away in all mount namespaces.
    const mount = `${before}mount -t tmpfs shm /dev/shm && mkdir /dev/shm/kokotap && mount --bind "$0" /dev/shm/kokotap && exec "$@"`;
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
    const child = this.spawn(where, ...inside, process.execPath, bundle, ...commandLine(args));
    return new Agent(child, path.join(runFolder, 'ready'));
  }

  startSender(changes: Record<string, string> = {}): Agent {
    return this.startAgent('nodeA', 'sender', ...this.#senderFlags(changes));
  }

  /** Starts a sender with another eBPF object in place of the one of its build. */
  startSenderWithObject(object: Uint8Array, changes: Record<string, string> = {}): Agent {
    return this.#startSenderWith({ 'mirror.bpf.o': object }, changes);
  }

  /**
   * Starts a sender whose eBPF object cannot be loaded.
   *
   * @param object in place of the real one; by default it has of that the places for settings and lease only
   */
  startPlainSender(
    changes: Record<string, string> = {},
    object: Uint8Array = Buffer.concat([
      Buffer.from('!patokok'),
      Buffer.alloc(64),
      Buffer.from('saelokok'),
      Buffer.alloc(16),
    ]),
  ): Agent {
    return this.startSenderWithObject(object, changes);
  }

  startReceiver(changes: Record<string, string> = {}): Agent {
    return this.startAgent('nodeB', 'receiver', ...this.#receiverFlags(changes));
  }

  /** Starts a receiver of another version, in whose bundle some text is another. */
  startOtherReceiver(text: string, other: string): Agent {
    const bundle = readFileSync(agentBundle, 'utf8');
    if (!bundle.includes(text)) throw new Error(`The agent's bundle has no ${text}`);
    const folder = this.#folderWith({ 'kokotap-agent.js': bundle.replaceAll(text, other) });
    return this.startAgentBundle(folder, 'nodeB', 'receiver', ...this.#receiverFlags());
  }

  /** Starts a receiver where nftables does not work. */
  startReceiverWithoutGuard(): Agent {
    return this.startAgentWithout('/usr/sbin/nft', 'nodeB', 'receiver', ...this.#receiverFlags());
  }

  /** Starts a sender that can look at tcx programs, but not go before them, as on Linux before 6.6. */
  startSenderWithoutTcx(changes: Record<string, string> = {}): Agent {
    const real = path.resolve('dist/kokotap-tcx');
    const script = `#!/bin/sh\n[ "$1" != hold ] || { echo 'eth0: Invalid argument' >&2; exit 1; }\nexec ${real} "$@"\n`;
    return this.#startSenderWith({ 'kokotap-tcx': script }, changes);
  }

  /** Starts a sender that hears of changes in the kernel only after a while. */
  startDeafSender(seconds: number): Agent {
    const real = path.resolve('dist/kokotap-monitor');
    const script = `#!/bin/bash
exec {to}> >(exec ${real})
while read -r line; do
  case $line in +*) (sleep ${seconds}; echo "$line" >&$to) & ;; *) echo "$line" >&$to ;; esac
done
`;
    return this.#startSenderWith({ 'kokotap-monitor': script }, {});
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
    if ('fast-path' in changes) await sender.goesPast();
    else if (isFastPath) await sender.hasPath();
    return { sender, receiver };
  }

  /** Starts both agents of a tap over an IPv6 underlay; see {@link addIPv6}. */
  async tapOverIPv6(changes: Record<string, string> = {}): Promise<void> {
    const receiver = this.startReceiver({ local: ipv6.nodeB, remote: ipv6.nodeA });
    const sender = this.startSender({ local: ipv6.nodeA, remote: ipv6.nodeB, ...changes });
    await Promise.all([sender.ready(), receiver.ready()]);
  }

  /**
   * Starts both agents of a tap of a node's own underlay interface and waits until both are ready.
   *
   * @param onStart told of the sender at once
   */
  async tapNode(
    from: Node,
    to: Node,
    changes: Record<string, string> = {},
    onStart: (sender: Agent) => void = () => undefined,
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
    onStart(sender);
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

  /** Starts both agents of a tap whose copies go to the tool pod, which is on node B or on the node of the target. */
  startTapIntoPod(onSameNode: boolean): { sender: Agent; receiver: Agent } {
    const receiver = this.startReceiverIntoPod(onSameNode);
    const intoPod = { 'destination-pod': this.toolUid };
    return { sender: onSameNode ? this.startSameNodeSender(intoPod) : this.startSender(), receiver };
  }

  startReceiverIntoPod(onSameNode: boolean): Agent {
    const intoPod = { 'destination-pod': this.toolUid };
    return onSameNode ? this.startSameNodeReceiver(intoPod) : this.startReceiver(intoPod);
  }

  startSameNodeReceiver(changes: Record<string, string> = {}): Agent {
    return this.startAgent('nodeA', 'receiver', ...flags({ ...this.#sameNode(), ...changes }));
  }

  /** Those of a sender on node B, of another tap of the pod, for what such an agent does on its node. */
  senderOnNodeB(changes: Record<string, string>): string[] {
    const own = { 'tap-id': this.otherTapId, ifname: 'other', vni: '102' };
    return flags({ ...this.#target(), ...this.#tunnel('nodeB', 'nodeA'), ...own, ...changes });
  }

  /** What the agent's `status` says of the tap's ends that a node sees. */
  async status(where: Node, tapId = this.tapId): Promise<readonly EndpointStatus[]> {
    return JSON.parse(await this.ask(where, 'status', tapId)).observed;
  }

  /** Runs a command of the agent that is about what is there. */
  ask(where: Node, command: 'status' | 'probe', tapId = this.tapId): Promise<string> {
    const tick = command === 'probe' ? [`--tick-ms=${this.tickMs}`] : [];
    const asked = [process.execPath, agentBundle, command, `--tap-id=${tapId}`, ...tick];
    return run('nsenter', [`--net=/run/netns/${this.netns(where)}`, ...asked], {
      timeoutMs: scaled(30_000),
    });
  }

  /** Starts a sender from a folder of its own, in which some of the agent's files are others. */
  #startSenderWith(others: Record<string, Uint8Array | string>, changes: Record<string, string>): Agent {
    return this.startAgentBundle(this.#folderWith(others), 'nodeA', 'sender', ...this.#senderFlags(changes));
  }

  /** The bundle in a folder with the agent's files, of which some are others. */
  #folderWith(others: Record<string, Uint8Array | string>): string {
    const folder = mkdtempSync(this.file('bundle-'));
    for (const name of ['kokotap-agent.js', 'mirror.bpf.o', 'kokotap-tcx', 'kokotap-send', 'kokotap-monitor'])
      copyFileSync(path.resolve('dist', name), path.join(folder, name));
    for (const [name, content] of Object.entries({ ...others, 'package.json': '{"type":"module"}' }))
      writeFileSync(path.join(folder, name), content);
    return path.join(folder, 'kokotap-agent.js');
  }

  #senderFlags(changes: Record<string, string>): string[] {
    const fast = isFastPath ? { 'fast-path': '' } : {};
    return flags({ ...this.#target(), ...this.#tunnel('nodeA', 'nodeB'), ...fast, ...changes });
  }

  #receiverFlags(changes: Record<string, string> = {}): string[] {
    return flags({ ...this.#tunnel('nodeB', 'nodeA'), ...changes });
  }

  #target(): Record<string, string> {
    return { 'pod-uid': this.podUid, 'pod-ifname': 'eth0', 'mirror-type': 'both' };
  }

  #tap(): Record<string, string> {
    return { 'tap-id': this.tapId, ifname: 'mirror', 'tick-ms': String(this.tickMs) };
  }

  #tunnel(local: Node, remote: Node): Record<string, string> {
    const ends = { local: addresses[local], remote: addresses[remote] };
    return { ...this.#tap(), vni: '100', 'vxlan-port': '4789', ...ends };
  }

  #sameNode(): Record<string, string> {
    return { ...this.#tap(), 'same-node': '' };
  }
}

/** A test with two nodes and a pod. */
export const test = base.extend<{ net: Net }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest wants to see what a fixture uses
  net: async ({}, use) => {
    const net = new Net();
    try {
      await net.build();
      if (isFastPath) await net.forward();
      await use(net);
    } finally {
      await net.destroy();
    }
  },
});

function newTapId(): string {
  return randomBytes(6).toString('hex');
}

/** Those that a receiver does not have. */
const senderFlags = new Set([
  'pod-ifname',
  'mirror-type',
  'filter',
  'snaplen',
  'one-in',
  'max-bytes-per-second',
  'fast-path',
]);
const otherEnd: Record<string, string> = { local: 'remote', remote: 'local' };

function flags(values: Record<string, string>): string[] {
  return Object.entries(values).map(([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`));
}
