import type { Role, TapId } from '#src/tap/ownership/mark.ts';

/** Where a clsact qdisc classifies: what the interface receives, what it sends. */
export type Hook = 'ingress' | 'egress';

/** The way of a tap's copies between two nodes, as one of its ends has it. */
export interface Tunnel {
  readonly vni: number;
  /** UDP port of both ends. */
  readonly port: number;
  readonly local: string;
  readonly remote: string;
}

export interface Vxlan extends Tunnel {
  /** The UDP header of what is sent has a checksum. */
  readonly udpChecksum: boolean;
}

/** A sender's mirror device that gives its copies to a VXLAN device in the node. */
interface Macvlan {
  readonly kind: 'macvlan';
  /** The name of that. */
  readonly over: string;
}

/** A network device as the kernel shows it. */
export interface Link {
  readonly name: string;
  /** Other names that it has as well. */
  readonly altNames?: readonly string[] | undefined;
  /** `vxlan`, `veth`, …; empty for hardware and the loopback. */
  readonly kind: string;
  /** `ether`, `loopback`, `none`, …: what the hardware's header is like. */
  readonly type: string;
  readonly mac: string;
  readonly alias: string;
  readonly up: boolean;
  /** The other half of a veth pair is up too; always true of a VXLAN device that is up. */
  readonly carrier: boolean;
  /** Neither ARP, multicast nor IPv6 addresses of its own. */
  readonly silent: boolean;
  readonly mtuBytes: number;
  /** Its transmit queue has a length; CNI plugins make pods' interfaces without. */
  readonly hasQueue: boolean;
  /** It may send or receive packets of more than 64 KiB (BIG TCP). */
  readonly isBig?: boolean;
  readonly vxlan?: Vxlan | undefined;
}

/**
 * What becomes of matching packets. `direct`: the program's verdict counts (direct action); else the device that they are
 * copied to, or at whose ingress they go on.
 */
export type FilterAction = 'direct' | { readonly copyTo: string } | { readonly redirectTo: string };

/** A filter at one hook of one interface. */
export interface Filter {
  readonly hook: Hook;
  readonly preference: number;
  /** `bpf`, `u32`, … */
  readonly kind: string;
  /** Only of kind bpf, as all below. */
  readonly handle?: number | undefined;
  /** Classic BPF in tc's notation, or the `FILE:[SECTION]` that an eBPF program was loaded from. */
  readonly program?: string | undefined;
  readonly action?: FilterAction | undefined;
  /** The kernel's number of its eBPF program. */
  readonly programId?: number | undefined;
}

/** The device that a filter copies to; undefined: it does not copy. */
export function copiesTo({ action }: Pick<Filter, 'action'>): string | undefined {
  return typeof action === 'object' && 'copyTo' in action ? action.copyTo : undefined;
}

/** An eBPF program at a hook that comes before clsact (tcx), in the kernel since Linux 6.6. */
export interface TcxProgram {
  /** The kernel's number of it. */
  readonly id: number;
  /** Its function's, as far as the kernel keeps it. */
  readonly name: string;
}

/** What classifies the packets of one interface. */
export interface Classifier {
  readonly qdisc: 'none' | 'clsact' | 'ingress';
  /** The root qdisc drops what the interface is to send, before it is classified or captured. */
  readonly blackhole?: boolean | undefined;
  readonly filters: readonly Filter[];
}

/** What an agent sees of the network namespace that its end of the tap is in. */
export interface Observed {
  readonly links: readonly Link[];
  /** The end's device merges what it receives into larger packets (GRO); undefined: there is no such device. */
  readonly merging?: boolean | undefined;
  /** The sender's half of a veth pair takes packets without checksums, and uncut; undefined: there is none. */
  readonly unfinished?: boolean | undefined;
  /** The tcx programs of a sender's target interfaces, by name, in their order; not asked for where it needs none. */
  readonly tcx?: Readonly<Record<string, Readonly<Record<Hook, readonly TcxProgram[]>>>> | undefined;
  /** By interface name; an interface that is not there has none. */
  readonly classifiers: Readonly<Record<string, Classifier>>;
  /** Taps with a running agent on this node: what bears another's mark is left over. */
  readonly liveTaps: ReadonlySet<TapId>;
}

/** One end of a tap as it should be. */
export interface Desired {
  readonly id: TapId;
  readonly role: Role;
  readonly ifname: string;
  readonly mac: string;
  /** A receiver's: it is in a pod's network namespace. */
  readonly inDestinationPod?: boolean | undefined;
  /** A receiver's: the interface that shows the packets of several endpoints; undefined: its own device does. */
  readonly joinedInto?: string | undefined;
  /** A sender's: the name of the other half of its veth pair; undefined: that of its own. */
  readonly otherIfname?: string | undefined;
  /**
   * `veth`: both ends on one node. The sender makes the pair, the receiver waits for its half. `ifb`: what endpoints are
   * joined into.
   */
  readonly device:
    | ({ readonly kind: 'vxlan' } & Vxlan)
    | { readonly kind: 'veth' }
    | { readonly kind: 'ifb' }
    | Macvlan;
  /** It is the device in the node that a sender's macvlan device is over. */
  readonly isTunnel?: true;
  /** Left as the kernel chose when undefined. */
  readonly mtuBytes: number | undefined;
  /** The eBPF object whose programs count and treat the copies; undefined: none. */
  readonly object: string | undefined;
  /** The tap is not to be without those programs. */
  readonly needsObject: boolean;
  /** Sender only. */
  readonly copies: Copies | undefined;
  /** The kernel does not let the tap go before others' programs that hide packets from its filters. */
  readonly staysBehind?: boolean | undefined;
  /** The interfaces whose clsact qdisc the agent remembers to have made. */
  readonly ownQdiscs: ReadonlySet<string>;
}

/** What is copied. */
export interface Copies {
  /** The interfaces whose packets they are: by name, or all that are not mirror devices. */
  readonly from: readonly string[] | 'all';
  readonly hooks: readonly Hook[];
  /** The program that matches them: classic BPF in tc's notation, or eBPF as {@link Filter} has it. */
  readonly matching: string;
  /** The same with verdicts: it drops what does not match, and lets all else go on. */
  readonly dropping: string;
}

/** One change of the kernel. */
export type Step =
  | { readonly do: 'delete link'; readonly link: string }
  | { readonly do: 'add vxlan'; readonly link: string; readonly mac: string; readonly vxlan: Vxlan }
  | { readonly do: 'add macvlan'; readonly link: string; readonly mac: string; readonly over: string }
  | {
      readonly do: 'add veth pair';
      readonly link: string;
      readonly mac: string;
      readonly peerMac: string;
      /** The name of the other half. */
      readonly otherName: string;
      readonly mtuBytes: number;
    }
  | { readonly do: 'add ifb'; readonly link: string; readonly mac: string }
  | { readonly do: 'set alias'; readonly link: string; readonly alias: string }
  | { readonly do: 'silence'; readonly link: string }
  | { readonly do: 'stop merging'; readonly link: string }
  | { readonly do: 'set mtu'; readonly link: string; readonly mtuBytes: number }
  | {
      readonly do: 'set mtu of other half';
      readonly link: string;
      readonly otherName: string;
      readonly mtuBytes: number;
    }
  | { readonly do: 'finish packets'; readonly link: string }
  | { readonly do: 'set up'; readonly link: string }
  | { readonly do: 'add clsact'; readonly link: string }
  | { readonly do: 'add blackhole'; readonly link: string }
  | { readonly do: 'delete clsact'; readonly link: string }
  | { readonly do: 'remove queue'; readonly link: string }
  | {
      /** In place of one with another program, without a moment in between. */
      readonly do: 'add filter' | 'replace filter';
      readonly link: string;
      readonly filter: OurFilter;
    }
  | {
      readonly do: 'delete filter';
      readonly link: string;
      readonly hook: Hook;
      readonly preference: number;
      readonly handle: number;
    };

/** A filter as kokotap makes them: of kind bpf, at its own preferences. */
export interface OurFilter {
  readonly hook: Hook;
  readonly preference: number;
  readonly handle: number;
  /** As {@link Filter} has it. */
  readonly program: string;
  readonly action: FilterAction;
}
