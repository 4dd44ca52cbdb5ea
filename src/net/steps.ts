import { UserError } from '#src/errors.ts';
import { CommandError, run, type RunOptions } from '#src/exec/command.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';
import type { OurFilter, Step } from '#src/tap/state.ts';
import { sourcePorts } from '#src/filter/tunnelPorts.ts';
import { inDestinationPodWords } from '#src/tap/plan/conflicts.ts';
import { runBatch, type BatchOptions, type Failure, type Runner, type Words } from './batch.ts';
import type { Netns } from './netns.ts';
import { objectPath } from './objects.ts';

/** How far some steps got. */
export interface Applied {
  /** Those that were taken. */
  readonly done: readonly Step[];
  /** Those that failed: without `force` the first one, behind which none was taken. */
  readonly failures: readonly { readonly step: Step; readonly error: CommandError | UserError }[];
}

export interface StepOptions extends Omit<BatchOptions, 'flags'>, Context {}

/** What the commands of steps depend on. */
interface Context {
  /** Whose the eBPF objects are that filters are loaded from; undefined: no step adds such a filter. */
  readonly tap?: TapId | undefined;
  /** The namespace of the other half of a veth pair; undefined: the agent's own. */
  readonly otherHalf?: Netns | undefined;
}

/**
 * Makes changes inside a network namespace, in their order, by as few processes as that allows.
 *
 * @param netns of the end of the tap; a VXLAN device's UDP socket goes to the namespace that the agent itself is in
 * @throws {CommandError} when it is not known how far the steps got
 */
export async function applySteps(
  netns: Netns,
  steps: readonly Step[],
  { tap, otherHalf, ...options }: StepOptions,
): Promise<Applied> {
  const done: Step[] = [];
  const failures: { step: Step; error: CommandError | UserError }[] = [];
  const runners: Readonly<Record<Group['where'], Runner>> = {
    here: netns,
    'in the node': { run },
    'at the other half': otherHalf ?? { run },
  };
  for (const { program, where, parts } of group(netns, { tap, otherHalf }, steps)) {
    const commands = parts.map(({ words }) => words);
    const failed =
      program === 'ethtool'
        ? await runEthtool(netns, commands, options)
        : (await runBatch(runners[where], program, commands, options)).failures;
    const stopAt = options.force === true ? parts.length : (failed[0]?.at ?? parts.length);
    for (const [at, { step }] of parts.entries()) {
      const error = failed.find((each) => each.at === at)?.error;
      if (error !== undefined) failures.push({ step, error: explain(step, error, otherHalf) });
      else if (at < stopAt) done.push(step);
    }
    if (failures.length > 0 && options.force !== true) break;
  }
  return { done, failures };
}

/** Steps that are not run in the namespace of the end. */
const elsewhere: Partial<Record<Step['do'], Group['where']>> = {
  'add vxlan': 'in the node',
  'add macvlan': 'in the node',
  'add veth pair': 'in the node',
  'set mtu of other half': 'at the other half',
};

interface Part {
  readonly step: Step;
  readonly words: Words;
}

interface Group {
  readonly program: 'ip' | 'tc' | 'ethtool';
  readonly where: 'here' | 'in the node' | 'at the other half';
  readonly parts: Part[];
}

/** Steps that one process can take, one after the other. */
function group(netns: Netns, context: Context, steps: readonly Step[]): Group[] {
  const groups: Group[] = [];
  for (const step of steps) {
    const [program, ...words] = commandOf(netns, context, step);
    const where = elsewhere[step.do] ?? 'here';
    const last = groups.at(-1);
    if (last?.program === program && last.where === where) last.parts.push({ step, words });
    else groups.push({ program, where, parts: [{ step, words }] });
  }
  return groups;
}

/** It takes one command a process; an end has one such step. */
async function runEthtool(
  netns: Netns,
  commands: readonly Words[],
  options: RunOptions,
): Promise<readonly Failure[]> {
  for (const [at, words] of commands.entries()) {
    try {
      await netns.run('ethtool', words, options);
    } catch (error) {
      if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
      return [{ at, error }];
    }
  }
  return [];
}

function commandOf(netns: Netns, { tap, otherHalf }: Context, step: Step): [Group['program'], ...string[]] {
  const { link } = step;
  switch (step.do) {
    case 'add vxlan':
      return ['ip', ...addVxlan(netns, step)];
    case 'add macvlan':
      return ['ip', ...addMacvlan(netns, step)];
    case 'add veth pair':
      return ['ip', ...addVethPair(netns, otherHalf, step)];
    case 'delete link':
      return ['ip', 'link', 'delete', 'dev', link];
    case 'set alias':
      return ['ip', 'link', 'set', 'dev', link, 'alias', step.alias];
    case 'silence':
      return ['ip', 'link', 'set', 'dev', link, 'addrgenmode', 'none', 'arp', 'off', 'multicast', 'off'];
    case 'stop merging':
      return ['ethtool', '--features', link, 'gro', 'off'];
    case 'add ifb':
      return ['ip', 'link', 'add', 'name', link, 'address', step.mac, 'type', 'ifb'];
    case 'set mtu':
      return ['ip', 'link', 'set', 'dev', link, 'mtu', String(step.mtuBytes)];
    case 'set mtu of other half':
      return ['ip', 'link', 'set', 'dev', step.otherName, 'mtu', String(step.mtuBytes)];
    case 'remove queue':
      return ['ip', 'link', 'set', 'dev', link, 'txqueuelen', '0'];
    case 'finish packets':
      return ['ethtool', '--features', link, 'tx', 'off'];
    case 'set up':
      return ['ip', 'link', 'set', 'dev', link, 'up'];
    case 'add clsact':
      return ['tc', 'qdisc', 'add', 'dev', link, 'clsact'];
    case 'add blackhole':
      return ['tc', 'qdisc', 'replace', 'dev', link, 'root', 'blackhole'];
    case 'delete clsact':
      return ['tc', 'qdisc', 'delete', 'dev', link, 'clsact'];
    case 'add filter':
      return [
        'tc',
        'filter',
        'add',
        ...filterAt(link, step.filter),
        ...bpfWords(tap, step.filter.program, step.filter.action),
      ];
    case 'replace filter':
      return [
        'tc',
        'filter',
        'replace',
        ...filterAt(link, step.filter),
        ...bpfWords(tap, step.filter.program, step.filter.action),
      ];
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
export function bpfWords(tap: TapId | undefined, program: string, action: OurFilter['action']): string[] {
  const source = sourceOf(tap, program);
  if (action === 'direct') return ['bpf', 'direct-action', ...source];
  const mirred =
    'copyTo' in action
      ? ['egress', 'mirror', 'dev', action.copyTo, 'continue']
      : ['ingress', 'redirect', 'dev', action.redirectTo];
  return ['bpf', ...source, 'action', 'mirred', ...mirred];
}

function sourceOf(tap: TapId | undefined, program: string): string[] {
  const [, object, section] = /^(.*):\[(.*)\]$/.exec(program) ?? [];
  if (object === undefined || section === undefined) return ['bytecode', program];
  if (tap === undefined) throw new Error(`${program} is added without its tap`);
  return ['object-file', objectPath(tap, object), 'section', section];
}

/**
 * The UDP ports that copies come from, the last excluded; which of them is a hash of the conversation, so that they spread
 * over the destination's queues. By default it is one of 28,000, and each in use is an entry in both nodes' connection
 * tracking, whose table the nodes' own traffic needs too.
 */
const portRange = [sourcePorts.first, sourcePorts.first + sourcePorts.count].map(String);

/** Made straight in the namespace: nothing to move or rename, nothing to leak in between. */
function addVxlan(netns: Netns, { link, mac, vxlan }: Extract<Step, { do: 'add vxlan' }>): string[] {
  const { vni, port, local, remote, udpChecksum } = vxlan;
  // oxfmt-ignore
  return [
    'link', 'add', 'name', link, ...(netns.isOwn ? [] : ['netns', netns.path]), 'address', mac, 'type', 'vxlan',
    'id', String(vni), 'local', local, 'remote', remote, 'srcport', ...portRange,
    'dstport', String(port), 'nolearning',
    ...(udpChecksum ? [] : ['noudpcsum']),
  ];
}

/** `private`: of two such devices over one none would see the other's packets; there is only one. */
function addMacvlan(netns: Netns, { link, mac, over }: Extract<Step, { do: 'add macvlan' }>): string[] {
  // oxfmt-ignore
  return ['link', 'add', 'name', link, 'netns', netns.path, 'link', over, 'address', mac, 'type', 'macvlan', 'mode', 'private'];
}

function addVethPair(
  netns: Netns,
  otherHalf: Netns | undefined,
  { link, mac, peerMac, otherName, mtuBytes }: Extract<Step, { do: 'add veth pair' }>,
): string[] {
  const mtu = ['mtu', String(mtuBytes)];
  // oxfmt-ignore
  return [
    'link', 'add', 'name', otherName, ...(otherHalf === undefined ? [] : ['netns', otherHalf.path]), ...mtu,
    'address', peerMac, 'type', 'veth',
    'peer', 'name', link, 'netns', netns.path, ...mtu, 'address', mac,
  ];
}

/** A VNI or a name that is taken in the node's namespace is for the user to mend. */
function explain(step: Step, error: CommandError, otherHalf: Netns | undefined): CommandError | UserError {
  if (!error.stderr.includes('exists')) return error;
  if (step.do === 'add vxlan') {
    const { vni, port } = step.vxlan;
    return new UserError(
      `VNI ${vni} on UDP port ${port} is used by another VXLAN device of this node: choose another --vxlan-id`,
      { cause: error },
    );
  }
  if (step.do !== 'add veth pair') return error;
  const where = otherHalf === undefined ? 'on this node' : inDestinationPodWords;
  return new UserError(`Interface ${step.otherName} exists ${where}: delete it or choose another --ifname`, {
    cause: error,
  });
}
