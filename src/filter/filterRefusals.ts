/** What pcap-filter's language has that means nothing, or something else, where the kernel copies packets. */

import { type Instruction, jumpsBack, readsKnown } from './classicBpf.ts';

/**
 * Why a filter cannot be had although the compiler takes its text; undefined when it can.
 *
 * @param program as the compiler made it
 */
export function whyRefused(expression: string, program: readonly Instruction[]): string | undefined {
  // The compiler takes 0 for the netmask that it does not know.
  if (/\bip\s+broadcast\b/.test(expression))
    return "'ip broadcast' needs the netmask of the network: say 'ether broadcast', or name the address, as in 'dst host 10.244.1.255'";
  if (program.some(jumpsBack))
    return "'protochain' makes a loop, which the kernel takes in no filter: name the first header, as in 'ip6 proto 0', or say 'ip6 proto' and the number of the last";
  if (program.some(readsKnown)) return whyUnknown(expression);
  return undefined;
}

/** The words that make a program read what only a capture's socket knows of a packet. */
function whyUnknown(expression: string): string {
  const [word] = /\b(inbound|outbound|ifindex)\b/.exec(expression) ?? [];
  switch (word) {
    case 'inbound':
    case 'outbound':
      return `'${word}' asks for the direction, which another flag chooses: leave it out and give --mirrortype=ingress (what the pod receives) or egress (what it sends)`;
    case 'ifindex':
      return "'ifindex' asks for the interface, which another flag chooses: leave it out and give --pod-ifname";
    default:
      return 'it asks for something that is not in the packet: ask for bytes of the packet only';
  }
}

/**
 * What to do about what the compiler says.
 *
 * @param said its words
 */
export function withAdvice(said: string): string {
  if (!/supported|not present|not a valid/.test(said)) return said;
  const [word = ''] = /\w+/.exec(said) ?? [];
  return `${said}: ${adviceFor.get(word) ?? otherAdvice}`;
}

const otherAdvice = 'leave it out, for a tap copies frames of Ethernet as they are on the interface';
const adviceFor = new Map([
  ['ifname', 'leave it out and name the interface with --pod-ifname'],
  ['gateway', "say 'ether host' with its hardware address and 'not host' with its address"],
]);
