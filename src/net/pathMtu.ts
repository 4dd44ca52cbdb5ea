import { isIPv6 } from '#src/spec/address.ts';
import { addressBytes } from './addressBytes.ts';
import { readLink } from './links.ts';
import { askNetlink, attribute, attributesOf, protocols, type Request } from './netlink.ts';
import { ownNetns } from './netns.ts';

/** This node's path from one of its addresses to another. */
export interface UnderlayPath {
  /**
   * The largest IP packet that it takes: the route's MTU, or what the kernel has learned of the path, else that of the
   * route's interface.
   */
  readonly mtuBytes: number;
  readonly ifname: string;
  /** Of the interface: `bridge`, `wireguard`, …; empty for hardware. */
  readonly kind: string;
  /** Of the interface, as {@link Link} has it: `ether`, `none`, … */
  readonly type: string;
  /** The kernel's number of the interface. */
  readonly ifindex: number;
}

/**
 * Reads the path of packets to an address.
 *
 * @throws {CommandError} when there is no route.
 */
export async function readPath(local: string, remote: string): Promise<UnderlayPath> {
  const [answer = []] = await askNetlink(ownNetns, protocols.route, [routeRequest(local, remote)]);
  const route = attributesOf(answer[0]?.body.subarray(headLength));
  const ifindex = route.get(rta.device)?.readInt32LE() ?? 0;
  const learned = attributesOf(route.get(rta.metrics)).get(mtuMetric)?.readUInt32LE();
  const { mtuBytes, name: ifname, kind, type } = await readLink(ownNetns, ifindex);
  return { mtuBytes: learned ?? mtuBytes, ifname, kind, type, ifindex };
}

const getRoute = 26; // RTM_GETROUTE
const headLength = 12; // struct rtmsg
/** Attributes of a route: RTA_... of linux/rtnetlink.h. */
const rta = { destination: 1, source: 2, device: 4, metrics: 8 } as const;
const mtuMetric = 2; // RTAX_MTU

function routeRequest(local: string, remote: string): Request {
  const [from, to] = [addressBytes(local), addressBytes(remote)];
  const head = Buffer.alloc(headLength);
  head.writeUInt8(isIPv6(remote) ? families.ipv6 : families.ipv4, 0);
  head.writeUInt8(8 * to.length, 1);
  head.writeUInt8(8 * from.length, 2);
  const body = Buffer.concat([head, attribute(rta.destination, to), attribute(rta.source, from)]);
  return { type: getRoute, isDump: false, body };
}

const families = { ipv4: 2, ipv6: 10 } as const;
