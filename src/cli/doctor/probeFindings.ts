import type { Destination } from '#src/spec/tap.ts';
import type { AgentStatus } from '../agentStatus.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** What the agent of a probe's pod said. */
export interface AgentSaid {
  readonly role: string;
  readonly node: string;
  readonly status: AgentStatus | undefined;
  /** The device of the underlay that merges packets that it receives. */
  readonly merging: string | undefined;
  /** Why there is no status. */
  readonly trouble: string | undefined;
}

/**
 * What follows from what the agents of a probe say.
 *
 * @param trouble why the tap did not become ready; undefined: it is
 */
export function probeFindings(
  said: readonly AgentSaid[],
  trouble: string | undefined,
  to: Destination,
): readonly Finding[] {
  const silent = said.flatMap((each) => each.trouble ?? []);
  if (silent.length > 0) return [fail('KT0801', trouble ?? silent.join('; '))];
  const senders = said.filter(({ role }) => role === 'sender');
  const nodes = [...new Set(said.map(({ node }) => node))].join(' and ');
  const unmade = said.flatMap(({ status, node }) =>
    (status?.endpoints ?? [])
      .filter(({ state }) => state === 'waiting' || state === 'failing')
      .map(({ reason }) => `on ${node}: ${reason}`),
  );
  if (unmade.length > 0) return [fail('KT0801', `The tap cannot be made ${unmade.join('; ')}`)];
  return [
    ok('KT0801', `A tap was made on ${nodes}, and taken away`),
    pathFinding(said, to),
    ...senders.flatMap(sizeFinding),
    ...senders.map(ebpfFinding),
    ...senders.map(orderFinding),
    ...said.filter(({ role }) => role === 'receiver').map(mergingFinding),
  ];
}

function pathFinding(said: readonly AgentSaid[], to: Destination): Finding {
  if ('address' in to)
    return warn('KT0802', `Whether UDP gets to ${to.address}, outside the cluster, is not known`);
  const lost = said.flatMap(({ status, node }) =>
    (status?.endpoints ?? [])
      .filter(({ state }) => state === 'no-peer')
      .map(({ reason }) => `${node}: ${reason}`),
  );
  if (lost.length > 0)
    return fail('KT0802', `UDP does not get through between the nodes. ${lost.join('; ')}`);
  return ok('KT0802', 'Packets get to the other end, and back');
}

/** Both ends on one node have no underlay. */
function sizeFinding({ status, node }: AgentSaid): Finding[] {
  const fits = (status?.observed ?? []).flatMap(({ role, fit }) => (role === 'sender' && fit ? [fit] : []));
  return fits.slice(0, 1).map(({ says, underlayMtuBytes, largestCopyBytes }) => {
    const sizes = `${underlayMtuBytes ?? '?'} bytes get through from ${node}, and the largest copy has ${largestCopyBytes ?? '?'}`;
    const isWhole = (largestCopyBytes ?? 0) <= (underlayMtuBytes ?? 0);
    return (isWhole ? ok : warn)('KT0803', `Packets of ${sizes}: ${says}`);
  });
}

function ebpfFinding({ status, node }: AgentSaid): Finding {
  const [degraded] = (status?.observed ?? []).flatMap((end) => end.degraded ?? []);
  return degraded === undefined
    ? ok('KT0804', `eBPF programs can be loaded on ${node}`)
    : warn('KT0804', `Taps on ${node} are without eBPF: ${degraded}`);
}

function orderFinding({ status, node }: AgentSaid): Finding {
  const found = (status?.observed ?? []).flatMap(({ inFront = [] }) => inFront);
  const programs = found.map(
    (each) => `${each.programs.join(', ')} at the ${each.hook} of ${each.interface}`,
  );
  return found.length === 0
    ? ok('KT0805', `No program precedes a tap's in the targets on ${node}`)
    : warn('KT0805', `Programs of others see packets on ${node} before a tap does: ${programs.join('; ')}`);
}

function mergingFinding({ merging, node }: AgentSaid): Finding {
  return merging === undefined
    ? ok('KT0806', `Packets are captured on ${node} as they were sent`)
    : warn(
        'KT0806',
        `${merging} of ${node} merges packets that it receives (GRO): captures see frames of up to 64 KiB. On that node`,
        `ethtool --features ${merging} gro off`,
      );
}
