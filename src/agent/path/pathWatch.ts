import type { Netns } from '#src/net/netns.ts';
import type { Fit } from '#src/tap/path/fit.ts';
import type { Peer } from './peer.ts';

/** What an endpoint that is in place, and whose peer is there too, knows of the path between them. */
export interface PathFacts {
  /** The network namespace of the VXLAN device. */
  readonly netns: Netns;
  /** Content of the /proc/net/dev of that. */
  readonly netDev: string;
  /** The VXLAN device. */
  readonly ifname: string;
  /** What the mirror device has sent, by its own count. */
  readonly deviceSent: number;
  readonly peer: Peer;
  /** Undefined at an endpoint that sends no copies. */
  readonly fit: Fit | undefined;
}

/** Looks after the path; called every second. Says what is wrong with it. */
export type PathWatch = (facts: PathFacts) => Promise<string | undefined>;
