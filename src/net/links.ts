import { type CountedLink, ifla, parseLink } from './linkMessages.ts';
import { askNetlink, type AskOptions, attribute, cString, protocols, type Request } from './netlink.ts';
import type { Visited } from './netns.ts';

/**
 * Lists the devices of a network namespace, with their counters.
 *
 * @throws {CommandError}
 */
export async function listLinks(netns: Visited, options: AskOptions = {}): Promise<CountedLink[]> {
  const [answer = []] = await askNetlink(netns, protocols.route, [linkRequest()], options);
  return answer.map(parseLink);
}

/**
 * One device of a network namespace.
 *
 * @param which its name, or the kernel's number of it
 * @throws {CommandError} when there is none
 */
export async function readLink(netns: Visited, which: string | number): Promise<CountedLink> {
  const [[link] = []] = await askNetlink(netns, protocols.route, [linkRequest(which)]);
  if (link === undefined) throw new Error(`The kernel says nothing of interface ${which}`);
  return parseLink(link);
}

/** @param which undefined: all devices */
function linkRequest(which?: string | number): Request {
  const head = Buffer.alloc(16); // struct ifinfomsg
  if (typeof which === 'number') head.writeInt32LE(which, 4);
  const name = typeof which === 'string' ? [attribute(ifla.name, cString(which))] : [];
  return { type: getLink, isDump: which === undefined, body: Buffer.concat([head, ...name]) };
}

const getLink = 18; // RTM_GETLINK
