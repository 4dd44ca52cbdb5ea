import * as z from 'zod/mini';
import type { RunOptions } from '#src/exec/command.ts';
import type { Netns } from './netns.ts';

/** `ip -json address` of iproute2 6.1, as far as it is used. */
const shown = z.array(
  z.object({
    ifname: z.string(),
    altnames: z._default(z.array(z.string()), []),
    link_type: z.string(),
    address: z._default(z.string(), ''),
    mtu: z.number(),
    ifalias: z._default(z.string(), ''),
    addr_info: z.array(z.object({ local: z.optional(z.string()), prefixlen: z.number() })),
  }),
);

/** An interface and how it is reached. */
export interface NetInterface {
  readonly name: string;
  readonly altNames: readonly string[];
  /** As iproute2 calls it: `ether`, `loopback`, `none`. */
  readonly type: string;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly alias: string;
  /** With the lengths of their prefixes. */
  readonly addresses: readonly string[];
}

/** Lists the interfaces of a network namespace with their addresses. */
export async function listInterfaces(netns: Netns, options: RunOptions = {}): Promise<NetInterface[]> {
  // A device that goes meanwhile is shown as an empty object.
  const said: unknown = JSON.parse(await netns.run('ip', ['-json', 'address'], options));
  const devices = Array.isArray(said) ? said.filter((each) => Object.keys(each).length > 0) : said;
  return z.parse(shown, devices).map((device) => ({
    name: device.ifname,
    altNames: device.altnames,
    type: device.link_type,
    mac: device.address,
    mtuBytes: device.mtu,
    alias: device.ifalias,
    addresses: device.addr_info.flatMap(({ local, prefixlen }) =>
      local === undefined ? [] : [`${local}/${prefixlen}`],
    ),
  }));
}
