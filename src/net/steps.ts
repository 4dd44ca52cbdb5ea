import { UserError } from '#src/errors.ts';
import { CommandError, run, type RunOptions } from '#src/exec/command.ts';
import type { OurFilter, Step } from '#src/tap/state.ts';
import type { Netns } from './netns.ts';
import { objectPath } from './objects.ts';

/**
 * Makes one change inside a network namespace.
 *
 * @param netns of the end of the tap; a VXLAN device's UDP socket and the other half of a veth pair go to the
 *   namespace that the agent itself is in
 * @throws {UserError} when a VNI or a name is taken in the node's namespace
 * @throws {CommandError}
 */
export async function applyStep(netns: Netns, step: Step, options: RunOptions): Promise<void> {
  switch (step.do) {
    case 'add vxlan':
      await explain(
        `VNI ${step.vxlan.vni} on UDP port ${step.vxlan.port} is used by another VXLAN device of this node: choose another --vxlan-id`,
        run('ip', addVxlan(netns, step), options),
      );
      return;
    case 'add veth pair':
      await explain(
        `Interface ${step.link} exists on this node: delete it or choose another --ifname`,
        run('ip', addVethPair(netns, step), options),
      );
      return;
    case 'add clsact': {
      const hadQueue = await hasQueue(netns, step.link, options);
      await runInside(netns, step, options);
      // With any qdisc the kernel gives a device without a queue one of 1000 packets (qdisc_create, "Caught
      // tx_queue_len zero misconfig"), and would leave it so. CNI plugins make pods' interfaces without.
      if (!hadQueue) await netns.run('ip', ['link', 'set', 'dev', step.link, 'txqueuelen', '0'], options);
      return;
    }
    default:
      await runInside(netns, step, options);
  }
}

async function runInside(netns: Netns, step: InsideStep, options: RunOptions): Promise<void> {
  const [file, ...args] = commandOf(step);
  await netns.run(file, args, options);
}

/** `ip` says nothing of a queue length of 0. */
async function hasQueue(netns: Netns, link: string, options: RunOptions): Promise<boolean> {
  return / qlen \d/.test(await netns.run('ip', ['link', 'show', 'dev', link], options));
}

type InsideStep = Exclude<Step, { do: 'add vxlan' } | { do: 'add veth pair' }>;

function commandOf(step: InsideStep): [string, ...string[]] {
  const { link } = step;
  switch (step.do) {
    case 'delete link':
      return ['ip', 'link', 'delete', 'dev', link];
    case 'set alias':
      return ['ip', 'link', 'set', 'dev', link, 'alias', step.alias];
    case 'silence':
      return ['ip', 'link', 'set', 'dev', link, 'addrgenmode', 'none', 'arp', 'off', 'multicast', 'off'];
    case 'stop merging':
      return ['ethtool', '--features', link, 'gro', 'off'];
    case 'set mtu':
      return ['ip', 'link', 'set', 'dev', link, 'mtu', String(step.mtuBytes)];
    case 'set up':
      return ['ip', 'link', 'set', 'dev', link, 'up'];
    case 'add clsact':
      return ['tc', 'qdisc', 'add', 'dev', link, 'clsact'];
    case 'add blackhole':
      return ['tc', 'qdisc', 'replace', 'dev', link, 'root', 'blackhole'];
    case 'delete clsact':
      return ['tc', 'qdisc', 'delete', 'dev', link, 'clsact'];
    case 'add filter':
      return ['tc', 'filter', 'add', ...filterAt(link, step.filter), ...bpf(step.filter)];
    case 'delete filter':
      return ['tc', 'filter', 'delete', ...filterAt(link, step), 'bpf'];
  }
}

function filterAt(
  link: string,
  { hook, preference, handle }: Pick<OurFilter, 'hook' | 'preference' | 'handle'>,
): string[] {
  // oxfmt-ignore
  return ['dev', link, hook, 'protocol', 'all', 'pref', String(preference), 'handle', `0x${handle.toString(16)}`];
}

/** `continue`: the filters of others at this hook come after ours and must see the packet too. */
function bpf({ program, action }: OurFilter): string[] {
  const [, object, section] = /^(.*):\[(.*)\]$/.exec(program) ?? [];
  const source =
    object === undefined || section === undefined
      ? ['bytecode', program]
      : ['object-file', objectPath(object), 'section', section];
  return action === 'direct'
    ? ['bpf', 'direct-action', ...source]
    : ['bpf', ...source, 'action', 'mirred', 'egress', 'mirror', 'dev', action.copyTo, 'continue'];
}

/**
 * The UDP ports that copies come from, the last excluded; which of them is a hash of the conversation, so that they spread
 * over the destination's queues. By default it is one of 28,000, and each in use is an entry in both nodes' connection
 * tracking, whose table the nodes' own traffic needs too.
 */
const sourcePorts = ['49152', '49408'];

/** Made straight in the namespace: nothing to move or rename, nothing to leak in between. */
function addVxlan(netns: Netns, { link, mac, vxlan }: Extract<Step, { do: 'add vxlan' }>): string[] {
  const { vni, port, local, remote, udpChecksum } = vxlan;
  // oxfmt-ignore
  return [
    'link', 'add', 'name', link, ...(netns.isOwn ? [] : ['netns', netns.path]), 'address', mac, 'type', 'vxlan',
    'id', String(vni), 'local', local, 'remote', remote, 'srcport', ...sourcePorts,
    'dstport', String(port), 'nolearning',
    ...(udpChecksum ? [] : ['noudpcsum']),
  ];
}

function addVethPair(netns: Netns, { link, mac, peerMac }: Extract<Step, { do: 'add veth pair' }>): string[] {
  // As large as they can be: a pair drops what is larger than its MTU, and lo has packets of 64 KB.
  const mtu = ['mtu', '65535'];
  // oxfmt-ignore
  return [
    'link', 'add', 'name', link, ...mtu, 'address', peerMac, 'type', 'veth',
    'peer', 'name', link, 'netns', netns.path, ...mtu, 'address', mac,
  ];
}

async function explain(meaning: string, command: Promise<unknown>): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (error instanceof CommandError && error.stderr.includes('exists'))
      throw new UserError(meaning, { cause: error });
    throw error;
  }
}
