import type { Netns } from '#src/net/netns.ts';
import type { Fit } from '#src/tap/path/fit.ts';
import type { Peer } from './peer.ts';

/** What an endpoint that is in place, and whose peer is there too, knows of the path between them. */
export interface PathFacts {
  readonly netns: Netns;
  /** Content of the /proc/net/dev of that. */
  readonly netDev: string;
  readonly ifname: string;
  readonly peer: Peer;
  /** Undefined at an endpoint that sends no copies. */
  readonly fit: Fit | undefined;
}

/** Looks after the path; called every second. Says what is wrong with it. */
export type PathWatch = (facts: PathFacts) => Promise<string | undefined>;
