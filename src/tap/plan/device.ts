import { macOf } from '#src/tap/ownership/mark.ts';
import type { Classifier, Desired, Link, Observed, Step } from '#src/tap/state.ts';

export function addDevice(desired: Desired, mtuBytes: number): Step {
  const { id, ifname, mac, device } = desired;
  if (device.kind === 'ifb') return { do: 'add ifb', link: ifname, mac };
  if (device.kind === 'macvlan') return { do: 'add macvlan', link: ifname, mac, over: device.over };
  if (device.kind === 'veth') {
    const [peerMac, otherName] = [macOf(id, 'receiver'), otherNameOf(desired)];
    return { do: 'add veth pair', link: ifname, mac, peerMac, otherName, mtuBytes };
  }
  const { kind: _, ...vxlan } = device;
  return { do: 'add vxlan', link: ifname, mac, vxlan };
}

export function planMtu({ ifname, mtuBytes }: Desired, found: Link | undefined): Step[] {
  return mtuBytes === undefined || found?.mtuBytes === mtuBytes
    ? []
    : [{ do: 'set mtu', link: ifname, mtuBytes }];
}

export function isPairOf({ role, device }: Desired): boolean {
  return role === 'sender' && device.kind === 'veth';
}

/** That of the targets, for a pair drops what is larger; it has no more than 65535, one less than lo. */
export function pairMtu(targets: readonly Link[]): number {
  return Math.min(65_535, Math.max(...targets.map(({ mtuBytes }) => mtuBytes), leastMtuBytes));
}

/** A pair hands over packets as they are: those that a network card was to finish are finished in front of it. */
export function planPair(
  desired: Desired,
  mtuBytes: number,
  observed: Observed | undefined,
  found: Link | undefined,
): Step[] {
  const { ifname: link } = desired;
  const otherName = otherNameOf(desired);
  return [
    ...(found === undefined || found.mtuBytes === mtuBytes
      ? []
      : [
          { do: 'set mtu of other half', link, otherName, mtuBytes } as const, // each half drops what is larger than its own
          { do: 'set mtu', link, mtuBytes } as const,
        ]),
    ...(observed?.unfinished === false ? [] : [{ do: 'finish packets', link } as const]),
  ];
}

function otherNameOf({ ifname, otherIfname }: Desired): string {
  return otherIfname ?? ifname;
}

/** A receiver's VXLAN device is not to merge copies: that costs more than it saves captures. */
export function planMerging({ ifname, role, device }: Desired, merging: boolean | undefined): Step[] {
  return role === 'receiver' && device.kind === 'vxlan' && merging !== false
    ? [{ do: 'stop merging', link: ifname }]
    : [];
}

/** What a receiver's device is to send is dropped where it is not counted: what is counted came from the sender. */
export function planBlackhole({ ifname, role }: Desired, found: Classifier | undefined): Step[] {
  return role === 'receiver' && found?.blackhole !== true ? [{ do: 'add blackhole', link: ifname }] : [];
}

/** Of a pair whose targets have less, or are all gone. */
const leastMtuBytes = 1500;
