import { NEAR_TAP, PLAIN, TAP } from '../cases.ts';
import type { Results } from '../results.ts';
import { endpointTable } from './endpoints.ts';
import { goalTable } from './goals.ts';
import { fragments } from './losses.ts';
import { ratio, ROUND_TRIP, TCP, UDP_64 } from './ratios.ts';
import { restGoalTable } from './restGoals.ts';
import { commandLineTable, otherTable, pauseTable } from './rest.ts';
import { count } from './table.ts';
import { lossTable, speedTable } from './traffic.ts';

/** docs/performance.md. */
export function document(results: Results): string {
  const { machine, traffic, rounds } = results;
  return `# Performance

What a tap costs, as \`make bench\` last measured it; it writes this file, the plot, and with every single number
[performance.json](performance.json). The ratios are the result. The absolute numbers are of this one machine, on whose
CPUs everything ran at once: all pods, all nodes, and the cluster itself.

${machine.cpus} CPUs (${machine.cpuModel}), ${machine.memoryGibibytes} GiB of memory, ${machine.kernel},
Node.js ${machine.node}; ${results.date}.

## A tapped pod's traffic

A client pod on node-c sends to the target pod on node-a. Both directions are copied, and go to node-b unless the case
says otherwise. The pods' MTU is 1500.

${speedTable(traffic)}

![The ratios as bars](performance.svg)

Each of the ${rounds} rounds measures all cases, and untapped right before each. A ratio is that of the case to this;
shown are the median and, in parentheses, the least and the greatest; of untapped those of all its values. For
throughput and packets more is better, for round trips less. TCP and UDP are iperf3's, for 2 seconds each; a round trip
is a request and a response of 64 bytes over one TCP connection, its ends on different CPUs: the median and the 99th
percentile.

| case                         | what it is                                                                                          |
| ---------------------------- | --------------------------------------------------------------------------------------------------- |
| tap                          | kokotap, to node-b over an underlay of that MTU, 1500 if not said; on the same node by a veth pair    |
| joined, not joined | the receiver's device is joined into the interface that captures read, as are those of several targets; and not, to compare with |
| fast path | with \`--fast-path\`: copies go past the IP stack of the target's node ([ADR 24](adr/0024-fast-path.md)) |
| sender only | the underlay's bridge drops 255 of 256 copies: what the target's node alone pays |
| tunnel not tracked           | the nodes' conntrack leaves the tunnel's port alone (nftables, notrack)                             |
| no tunnel checksum offload   | the nodes' devices do not fill in checksums when they cut tunnel packets into segments              |
| no tunnel offload            | they do not cut tunnel packets at all                                                               |
| plain design                 | u32, mirred and a VXLAN device as iproute2 makes it, without eBPF: the Go program that kokotap follows |
| client near | the client is on node-a too: the measured traffic costs less, as it meets no underlay, and the copies as much as before |
| tcpdump to a file            | \`tcpdump -w\` in the pod; the file is in memory                                                      |
| tcpdump through kubectl exec | \`kubectl exec … tcpdump -w -\`, as kubectl plugins do, thrown away at the other end                   |

### What was lost

Over all rounds together. Copies are counted as they leave the mirror device in the pod and as they come in on the
destination's; tcpdump counts its own. For TCP it is payload, for there one packet at the sender can be many at the
receiver; TCP both ways is left out, for its headers differ in length. Half load is UDP packets of 64 bytes at half the
rate that the target gets untapped right before. Packets at a full socket did arrive: iperf3 was late to read them,
which on these CPUs it is untapped as well. CPU time is that of softirq on the whole machine at half load, per packet in
or out of the target.

${lossTable(traffic)}

### The goals

Over an underlay of the pods' MTU:

${goalTable(traffic)}

Of agents at rest, on a node with containerd:

${restGoalTable(results.agents)}

Of agents that read a list of endpoints, each in another pod, at both nodes on one machine. Making and removing all is for both
agents together; the answer is that of \`GET /status\`:

${endpointTable(results.endpoints)}

What helped to get there, and what did not, is in [ADR 12](adr/0012-cheap-copies.md).

## What it means

${meaning(results)}

## Making and removing a tap

Adding or removing a clsact qdisc stops an interface: the kernel drops what it is given to send meanwhile. The target
sends small datagrams as fast as one program can; shown is the time that the largest hole in what arrived lasted, the
median and the most. Listing qdiscs is there to compare with. On the busy machine a program that only computes runs on
every CPU, so the target does not always send while the interface stands still; the kernel then takes longer too.

${pauseTable(results)}

## The command line

Each in turn with an empty program: median, least and greatest.

${commandLineTable(results)}

## The rest

The time to the first copy is with the image present on the nodes and 100 pings a second to the target. At rest means a
tap that is ready and through which nothing goes; CPU is over 30 seconds, with that of
the commands that the agent runs. What is not its own is Node.js's program file, which agents on one node share.

${otherTable(results)}
`;
}

function meaning({ traffic }: Results): string {
  const tcp = (name: string) => ratio(traffic, name, TCP)?.median.toFixed(2) ?? '';
  const udp = (name: string) => ratio(traffic, name, UDP_64)?.median.toFixed(2) ?? '';
  const trip = (name: string) => ratio(traffic, name, ROUND_TRIP)?.median.toFixed(2) ?? '';
  const made = (name: string) => count(fragments(traffic, name, 'tcp') ?? 0);
  return `A copy grows by 50 bytes on its way (70 on an IPv6 underlay). Where the underlay's MTU is that of the pods, each full-size
copy of the plain design becomes two fragments (${made(PLAIN.name)} here), and ${tcp(PLAIN.name)} of bulk TCP's speed remains. A tap cuts copies of TCP to fit:
${made(TAP.name)} fragments, of full-size segments that came alone, and ${tcp(TAP.name)} of the speed. Small packets always fit: their rate is ${udp(TAP.name)} of untapped, and a
round trip takes ${trip(TAP.name)} of its time (client near: ${udp(NEAR_TAP.name)} and ${trip(NEAR_TAP.name)}), for the CPU that sends a packet sends the copy too, and here the same CPUs also do
what on a real cluster the destination's do. Copies that stay on the node cost least: ${tcp('tap, same node')} of TCP's speed,
${udp('tap, same node')} of the small packets' rate, ${trip('tap, same node')} of a round trip's time.

Without tunnel checksum offload in the underlay's devices ${tcp('tap, no tunnel checksum offload')} of TCP's speed remains, without any tunnel offload
${tcp('tap, no tunnel offload')}: then the node cuts copies into segments itself, and nothing that a tap can do changes that. \`ethtool -k\` says what a
device has: \`tx-udp_tnl-segmentation\` and \`tx-udp_tnl-csum-segmentation\`.`;
}
