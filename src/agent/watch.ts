import type { Netns } from '#src/net/netns.ts';
import type { Fit } from '#src/tap/path/fit.ts';
import type { Peer } from './peer.ts';

/** What an end that is in place, and whose other end is there too, knows of the way between them. */
export interface Way {
  readonly netns: Netns;
  /** Content of the /proc/net/dev of that. */
  readonly netDev: string;
  readonly ifname: string;
  readonly peer: Peer;
  /** Undefined at an end that sends no copies. */
  readonly fit: Fit | undefined;
}

/** Looks after the way; called every second. Says what is wrong with it. */
export type Watch = (way: Way) => Promise<string | undefined>;
