import type { DirectionAccount } from '#src/tap/counters/account.ts';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';
import type { GateReason } from '#src/tap/programs/gate.ts';
import type { Fit } from '#src/tap/path/fit.ts';
import type { Hook, Link, Vxlan } from '#src/tap/state.ts';
import type { InFront } from './targetHooks.ts';

/** One end of a tap as the kernel has it. Packets are counted as the wire has them, before or after what is large is cut. */
export interface EndpointStatus {
  readonly tap: TapId;
  readonly role: Role;
  /** Inode number of the network namespace. */
  readonly netns: number;
  /** `over`: the device in the node that it gives copies to. */
  readonly device: Pick<Link, 'name' | 'kind' | 'up' | 'mtuBytes'> &
    Partial<Vxlan> & { readonly over?: string };
  readonly filters: readonly { readonly interface: string; readonly hook: Hook; readonly does: string }[];
  /** Sender only: target interfaces that are down, or carried nothing so far while others did. */
  readonly idle?: string;
  /** Sender only: what comes before the tap's filters at a hook, and may keep packets from them. */
  readonly inFront?: readonly InFront[];
  /** Sender only. Where the eBPF programs could not be loaded, nothing but what was copied is counted. */
  readonly copies?: Partial<Record<Hook, Partial<DirectionAccount>>>;
  /** Sender only: the copies as they went to the device, cut to fit. */
  readonly sentPackets?: number;
  /** Sender of a VXLAN only: whether copies go past the IP stack of the node, where they can. */
  readonly path?: 'bypass' | 'kernel';
  /** Sender of a VXLAN only: why copies go through that IP stack. */
  readonly pathReason?: GateReason | 'device-in-pod';
  /** Sender of a VXLAN only: of the sent copies, those that went past that IP stack. The others went through it. */
  readonly bypassedPackets?: number;
  /** Sender only: copies that the device, or what is below it, did not take; of what was sent they are lost. */
  readonly refusedCopies?: number;
  /** Sender only: the copies that came to the other end, by its last report or, on the same node, by its device. */
  readonly reportedPackets?: number;
  /** Sender only: sent but not reported. While copies are under way they are among them. */
  readonly lostPackets?: number;
  /** Sender only: packets that came to the device from outside. */
  readonly turnedAwayPackets?: number;
  /** Sender of a VXLAN only: what becomes of copies that are too large for the underlay. */
  readonly fit?: Fit;
  /** Sender only: why the tap is a plain one. */
  readonly degraded?: string;
  /** Receiver only: the interface that shows its packets with those of others; undefined: its own device does. */
  readonly joinedInto?: string;
  /** Receiver only: copies that came. */
  readonly receivedPackets?: number;
}
