import { MTU_1500, MTU_1600, SAME_NODE } from '../measures/traffic.ts';
import type { Results } from '../results.ts';
import { commandLineTable, otherTable } from './rest.ts';
import { count } from './table.ts';
import { fragments, lossTable, ratio, speedTable } from './traffic.ts';

/** docs/performance.md. */
export function document(results: Results): string {
  const { machine, traffic, rounds } = results;
  return `# Performance

What a tap costs, as \`make bench\` last measured it; it writes this file, and with every single number
[performance.json](performance.json). The ratios are the result. The absolute numbers are of this one machine, on whose
CPUs everything ran at once: both pods, both nodes, and the cluster itself.

${machine.cpus} CPUs (${machine.cpuModel}), ${machine.memoryGibibytes} GiB of memory, ${machine.kernel},
Node.js ${machine.node}; ${results.date}.

## A tapped pod's traffic

A client pod sends to the target pod on the same node, node-a, so the measured traffic never shares the underlay with
the copies. Both directions are copied: to node-b over an underlay of MTU 1500 and over one of 1600, and to node-a
itself, where a veth pair takes the place of the VXLAN. The pods' MTU is 1500. TCP and UDP are iperf3's, for 2 seconds
each; a round trip is a request and a response of 64 bytes over one TCP connection, its ends on
different CPUs.

Each of the ${rounds} rounds measures all four cases. A ratio is that of tapped to untapped in the same round; shown are the
median and, in parentheses, the least and the greatest. For throughput and packets more is better, for round trips less.

${speedTable(traffic)}

What was lost, over all rounds together. Copies are counted as they leave the mirror device in the pod and as they come
in on the destination's. For TCP it is payload, for there one packet at the sender can be many at the receiver. The UDP
client sends as fast as it can, so some packets find the target's socket full, tapped or not.

${lossTable(traffic)}

## What it means

${meaning(results)}

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
  const tcp = (each: typeof MTU_1500) => ratio(traffic, each, 'tcpBitsPerSecond').median.toFixed(2);
  const udp = (each: typeof MTU_1500) => ratio(traffic, each, 'udpPacketsPerSecond').median.toFixed(2);
  const roundTrip = (each: typeof MTU_1500) =>
    ratio(traffic, each, 'roundTripMedianMicroseconds').median.toFixed(2);
  const made = (each: typeof MTU_1500) => count(fragments(traffic, each, 'tcp'));
  return `A copy grows by 50 bytes on its way (70 on an IPv6 underlay). Where the underlay's MTU is that of the pods, copies of
TCP are cut to fit: ${made(MTU_1500)} fragments were made here, and ${tcp(MTU_1500)} of the tapped pod's speed remains. Where the underlay
has room for the copies (${made(MTU_1600)} fragments) it is ${tcp(MTU_1600)}. Small packets always fit: their rate is ${udp(MTU_1500)} and
${udp(MTU_1600)} of untapped, and a round trip takes ${roundTrip(MTU_1500)} and ${roundTrip(MTU_1600)} of its time, for the CPU that sends a packet sends
the copy too, and here the same CPUs also do what on a real cluster the destination's do. Copies that stay on the
node cost least: ${tcp(SAME_NODE)} of TCP's speed, ${udp(SAME_NODE)} of the small packets' rate, ${roundTrip(SAME_NODE)} of a round trip's time.`;
}
