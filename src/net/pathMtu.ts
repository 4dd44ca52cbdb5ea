import * as z from 'zod/mini';
import { run } from '#src/exec/command.ts';

const route = z.object({
  dev: z.string(),
  metrics: z.optional(z.array(z.object({ mtu: z.optional(z.number()) }))),
});
const link = z.object({
  mtu: z.number(),
  linkinfo: z.optional(z.object({ info_kind: z.optional(z.string()) })),
});

/** This node's way from one of its addresses to another. */
export interface UnderlayPath {
  /**
   * The largest IP packet that it takes: the route's MTU, or what the kernel has learned of the path, else that of the
   * route's interface.
   */
  readonly mtuBytes: number;
  readonly ifname: string;
  /** Of the interface: `bridge`, `wireguard`, …; empty for hardware. */
  readonly kind: string;
}

/**
 * Reads the way of packets to an address (`ip -json` of iproute2 6.1).
 *
 * @throws {CommandError} when there is no way.
 */
export async function readPath(local: string, remote: string): Promise<UnderlayPath> {
  const routes = await run('ip', ['-json', 'route', 'get', remote, 'from', local]);
  const [way] = z.parse(z.tuple([route]), JSON.parse(routes));
  const learned = way.metrics?.find(({ mtu }) => mtu !== undefined)?.mtu;
  const links = await run('ip', ['-json', '-details', 'link', 'show', 'dev', way.dev]);
  const [{ mtu, linkinfo }] = z.parse(z.tuple([link]), JSON.parse(links));
  return { mtuBytes: learned ?? mtu, ifname: way.dev, kind: linkinfo?.info_kind ?? '' };
}
