/** What the measurements and their pods have in common. */

/** The nodes that have a client; the target is on node-a. */
export const CLIENT_NODES = ['node-a', 'node-c'] as const;

/** What the target is loaded with. */
export type LoadName = 'tcp' | 'tcpBoth' | 'udp64' | 'udp1400' | 'roundTrip' | 'halfLoad';

/** The pod that is tapped. */
export interface Target {
  readonly address: string;
  /** One of its processes, as this machine counts them. */
  readonly pid: number;
  /** The same process, as its node counts them. */
  readonly nodePid: number;
}
