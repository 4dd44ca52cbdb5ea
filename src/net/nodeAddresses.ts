import { addressText } from './addressBytes.ts';
import { askNetlink, attributesOf, protocols } from './netlink.ts';
import { ownNetns } from './netns.ts';

/** An address of an interface of the agent's own network namespace, which is its node's. */
export interface NodeAddress {
  readonly address: string;
  /** Not one of the loopback or of a single link. */
  readonly isGlobal: boolean;
}

/** Reads the node's addresses, also those of interfaces that are down. @throws {CommandError} */
export async function readNodeAddresses(): Promise<NodeAddress[]> {
  const request = { type: getAddress, isDump: true, body: Buffer.alloc(headLength) };
  const [answer = []] = await askNetlink(ownNetns, protocols.route, [request]);
  return answer.map(({ body }) => {
    const found = attributesOf(body.subarray(headLength));
    return {
      address: addressText(found.get(ifa.local) ?? found.get(ifa.address)),
      isGlobal: body.readUInt8(3) === globalScope,
    };
  });
}

const getAddress = 22; // RTM_GETADDR
const headLength = 8; // struct ifaddrmsg
/** Attributes of an address: the local one differs from the other where that is the peer's. */
const ifa = { address: 1, local: 2 } as const;
const globalScope = 0; // RT_SCOPE_UNIVERSE
