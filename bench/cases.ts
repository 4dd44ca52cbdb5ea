import type { Node } from './lab.ts';
import type { CLIENT_NODES, LoadName } from './terms.ts';

type Way =
  | 'untapped'
  | 'tap'
  | 'joined tap'
  | 'fast tap'
  | 'plain design'
  | 'tcpdump to a file'
  | 'tcpdump through kubectl exec';

/** A node that copies go to. */
export type Destination = Extract<Node, 'node-a' | 'node-b'>;

/** The network between the nodes, as a case has it. */
export interface Underlay {
  readonly mtuBytes: number;
  /** What of tunnel packets the nodes' devices leave to the network: to cut them into segments, with or without checksums. */
  readonly offloads: 'all' | 'no tunnel checksums' | 'no tunnel segmentation';
  /** The nodes' conntrack follows the tunnel, as kube-proxy makes it do. */
  readonly tracked: boolean;
}

/** A way in which the target is tapped, or not, and what it is loaded with meanwhile. */
export interface Case {
  readonly name: string;
  readonly way: Way;
  /** Whose client loads the target. */
  readonly client: (typeof CLIENT_NODES)[number];
  /** Where the copies go, if they leave the pod. */
  readonly destination: Destination;
  readonly underlay: Underlay;
  readonly loads: readonly LoadName[];
  /** The network takes the copies away before they get to the destination: what is measured is the target's node alone. */
  readonly isSenderOnly?: true;
}

export const USUAL: Underlay = { mtuBytes: 1500, offloads: 'all', tracked: true };

const ALL: LoadName[] = ['tcp', 'tcpBoth', 'udp64', 'udp1400', 'roundTrip', 'halfLoad'];
const BRIEF: LoadName[] = ['tcp', 'udp64', 'roundTrip'];
const BULK: LoadName[] = ['tcp', 'tcpBoth'];

/** What the others' ratios are to, by the client's node. */
export const UNTAPPED: Readonly<Record<Case['client'], Case>> = {
  'node-c': make('untapped', 'untapped', {}, ALL),
  'node-a': near(make('untapped', 'untapped', {}, ALL)),
};

export const TAP = make('tap, underlay 1500', 'tap', {}, ALL);
export const NEAR_TAP = near(TAP);
/** These two are compared with each other. */
export const JOINED_TAP = make('tap, joined', 'joined tap', {}, ['tcp', 'udp64']);
export const NOT_JOINED_TAP = make('tap, not joined', 'tap', {}, ['tcp', 'udp64']);
export const PLAIN = make('plain design, underlay 1500', 'plain design', {}, ALL);

export const FAST_TAP = make('tap, fast path', 'fast tap', {}, ALL);
export const FAST_TAP_ALONE = senderOnly(FAST_TAP);

/** Each tapped case. Loads that would say nothing new are left out. */
export const TAPPED: readonly Case[] = [
  TAP,
  JOINED_TAP,
  NOT_JOINED_TAP,
  make('tap, underlay 1600', 'tap', { mtuBytes: 1600 }, ALL),
  { ...make('tap, same node', 'tap', {}, ALL), destination: 'node-a' },
  make('tap, tunnel not tracked', 'tap', { tracked: false }, BRIEF),
  make('tap, no tunnel checksum offload', 'tap', { offloads: 'no tunnel checksums' }, BULK),
  make('tap, no tunnel offload', 'tap', { offloads: 'no tunnel segmentation' }, BULK),
  FAST_TAP,
  senderOnly(TAP),
  FAST_TAP_ALONE,
  PLAIN,
  senderOnly(PLAIN),
  make('plain design, underlay 1600', 'plain design', { mtuBytes: 1600 }, BRIEF),
  make('plain design, no tunnel checksum offload', 'plain design', { offloads: 'no tunnel checksums' }, BULK),
  make('plain design, no tunnel offload', 'plain design', { offloads: 'no tunnel segmentation' }, BULK),
  make('tcpdump to a file', 'tcpdump to a file', {}, ALL),
  make('tcpdump through kubectl exec', 'tcpdump through kubectl exec', {}, ALL),
  NEAR_TAP,
  near(PLAIN),
];

function make(name: string, way: Way, underlay: Partial<Underlay>, loads: readonly LoadName[]): Case {
  return { name, way, client: 'node-c', destination: 'node-b', underlay: { ...USUAL, ...underlay }, loads };
}

function senderOnly(whole: Case): Case {
  return { ...whole, name: `${whole.name}, sender only`, loads: BRIEF, isSenderOnly: true };
}

/** The same with the client on the target's own node, so that only copies are on the underlay. */
function near(far: Case): Case {
  return { ...far, name: `${far.name}, client near`, client: 'node-a' };
}
