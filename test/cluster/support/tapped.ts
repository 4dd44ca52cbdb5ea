import { expect } from 'vitest';
import { captureOnEach } from './capture.ts';
import { Flow, flowNumbers, numbersFrom } from './flow.ts';
import { type NodeName, nextTo, onNode } from './lab.ts';
import type { Packet } from './packets.ts';
import type { Pod } from './pod.ts';
import type { Sandbox } from './sandbox.ts';

const count = 100;

/** A tap of one of the pods. */
interface Tap {
  readonly web: Pod;
  /** The destination. */
  readonly node: NodeName;
  readonly ifname: string;
  readonly args: readonly string[];
}

/**
 * Taps pods of one node that echo, all at once, each to a device of its own on the destination node: a hundred packets of
 * each direction are seen once there, those of the other pods are not, and nothing stays behind.
 */
export async function expectTapped(
  sandbox: Sandbox,
  webs: readonly [Pod, ...Pod[]],
  dest: NodeName,
  others: readonly Pod[] = [],
): Promise<void> {
  const pods = [...webs, ...others];
  const peer = await sandbox.startPod({ name: 'peer', node: nextTo(webs[0].node) });
  const before = await sandbox.snapshot(...webs);
  const taps = webs.map((web, index): Tap => {
    const ifname = `${sandbox.ifname}${index}`;
    const args = [`--pod=${web.name}`, `--dest-node=${dest}`, `--ifname=${ifname}`];
    return { web, node: dest, ifname, args };
  });
  const senders = await Promise.all(taps.map(({ args }) => sandbox.tap(...args)));
  const captures = await captureOnEach(taps, async () => {
    for (const pod of pods) {
      const result = { to: pod.name, ...(await Flow.send(peer, pod, count)) };
      expect(result).toEqual({ to: pod.name, sent: count, duplicates: 0, gaps: [] });
    }
  });
  for (const { place, packets } of captures) await expectCopies(place, packets, peer, pods);
  await Promise.all(
    taps.map(async (tap, index) => {
      const [sender = ''] = senders[index] ?? [];
      if (dest !== tap.web.node) await expectPrograms(tap, await sandbox.tapId(sender));
    }),
  );
  await Promise.all(taps.map(({ args }) => sandbox.untap(...args)));
  expect(await sandbox.snapshot(...webs)).toEqual(before);
}

/** The tap's pod's packets are there, once, and those of the other pods are not. */
async function expectCopies(
  { web, ifname }: Tap,
  packets: readonly Packet[],
  peer: Pod,
  pods: readonly Pod[],
): Promise<void> {
  const there = await peer.address();
  for (const pod of pods) {
    const here = await pod.address();
    const [to, from] = [flowNumbers(packets, there, here), flowNumbers(packets, here, there)];
    const expected = pod === web ? numbersFrom(0, count) : [];
    expect({ ifname, pod: pod.name, to, from }).toEqual({
      ifname,
      pod: pod.name,
      to: expected,
      from: expected,
    });
  }
}

/** The runtime's seccomp profile lets the sender load its program, and both nodes have the tap's guard. */
async function expectPrograms({ web, node, ifname }: Tap, tapId: string): Promise<void> {
  const egress = await web.inNetns('tc', 'filter', 'show', 'dev', ifname, 'egress');
  expect(egress).toMatch(/copy-over-IPv4,[0-9a-f]{8}\.o:\[tc\/copy\]/);
  const ends = [
    [web.node, 'sender'],
    [node, 'receiver'],
  ] as const;
  for (const [on, role] of ends)
    expect(await onNode(on, 'nft', 'list', 'map', 'inet', 'kokotap', 'taps')).toContain(
      `goto tap-${tapId}-${role}`,
    );
}
