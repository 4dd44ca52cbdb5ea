import * as z from 'zod/mini';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import type { Link, Vxlan } from '#src/tap/state.ts';
import type { Netns } from './netns.ts';

const vxlanData = z.object({
  id: z.number(),
  port: z.number(),
  local: z.optional(z.string()),
  local6: z.optional(z.string()),
  remote: z.optional(z.string()),
  remote6: z.optional(z.string()),
  udp_csum: z.boolean(),
});

const counters = z.object({
  bytes: z.number(),
  packets: z.number(),
  errors: z.number(),
  dropped: z.number(),
});

/** `ip -json -details -stats link show` of iproute2 6.1, as far as it is used. */
const ipLink = z.object({
  ifname: z.string(),
  flags: z.array(z.string()),
  link_type: z.string(),
  mtu: z.number(),
  txqlen: z.optional(z.number()),
  gso_max_size: z.optional(z.number()),
  gro_max_size: z.optional(z.number()),
  address: z.optional(z.string()),
  altnames: z.optional(z.array(z.string())),
  ifalias: z.optional(z.string()),
  inet6_addr_gen_mode: z.optional(z.string()),
  linkinfo: z.optional(z.object({ info_kind: z.optional(z.string()), info_data: z.optional(z.unknown()) })),
  stats64: z.object({ rx: counters, tx: counters }),
});

/** Of a packet, unless the device is told otherwise. */
const usualMaxBytes = 65_536;

/** Packets and bytes since the device was made. */
export interface LinkCounters {
  readonly received: z.infer<typeof counters>;
  readonly sent: z.infer<typeof counters>;
}

/** Lists the devices of a network namespace, with their counters. */
export async function listLinks(
  netns: Netns,
  options: RunOptions = {},
): Promise<(Link & { readonly counters: LinkCounters })[]> {
  return z.parse(z.array(ipLink), JSON.parse(await dumpLinks(netns, options))).map((link) => ({
    name: link.ifname,
    altNames: link.altnames,
    kind: link.linkinfo?.info_kind ?? '',
    type: link.link_type,
    mac: link.address ?? '',
    alias: link.ifalias ?? '',
    up: link.flags.includes('UP'),
    carrier: link.flags.includes('LOWER_UP'),
    silent: isSilent(link),
    mtuBytes: link.mtu,
    hasQueue: link.txqlen !== undefined,
    isBig: Math.max(link.gso_max_size ?? 0, link.gro_max_size ?? 0) > usualMaxBytes,
    vxlan: link.linkinfo?.info_kind === 'vxlan' ? parseVxlan(link.linkinfo.info_data) : undefined,
    counters: { received: link.stats64.rx, sent: link.stats64.tx },
  }));
}

/**
 * The kernel gives a long list in parts, and says when a device came or went in between: then devices that are there may
 * be missing.
 */
async function dumpLinks(netns: Netns, options: RunOptions): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      const show = ['-json', '-details', '-stats', 'link', 'show'];
      return await netns.run('ip', show, { ...options, isFailure: isInterrupted });
    } catch (error) {
      const isToBeTriedAgain = error instanceof CommandError && isInterrupted(error.stderr);
      if (!isToBeTriedAgain || tries >= mostDumps) throw error;
    }
  }
}

/** More than that in a row are only where devices come and go all the time. */
const mostDumps = 20;

/** What `ip` of iproute2 6.1 says of NLM_F_DUMP_INTR, and exits 0. */
function isInterrupted(stderr: string): boolean {
  return stderr.includes('Dump was interrupted');
}

/** A device shows no address generation mode where IPv6 is switched off: then it has none to generate. */
function isSilent({ flags, inet6_addr_gen_mode: mode }: z.infer<typeof ipLink>): boolean {
  return flags.includes('NOARP') && !flags.includes('MULTICAST') && (mode ?? 'none') === 'none';
}

/** A VXLAN device without both addresses (multicast, external mode) is not of our making: undefined. */
function parseVxlan(data: unknown): Vxlan | undefined {
  const parsed = z.safeParse(vxlanData, data);
  if (!parsed.success) return undefined;
  const { id: vni, port, local, local6, remote, remote6, udp_csum: udpChecksum } = parsed.data;
  return { vni, port, local: local ?? local6 ?? '', remote: remote ?? remote6 ?? '', udpChecksum };
}
