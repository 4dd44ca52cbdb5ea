import { expect } from 'vitest';
import { captureOnNode } from './capture.ts';
import { Flow, flowNumbers, numbersFrom } from './flow.ts';
import { type NodeName, nextTo, onNode } from './lab.ts';
import { type Pod, snapshot } from './pod.ts';
import type { Sandbox } from './sandbox.ts';

const count = 100;
const guard = /^table inet kokotap-[0-9a-f]{12}-(?:sender|receiver)$/mu;

/**
 * Taps a pod that echoes: a hundred packets of each direction are seen once on the destination node, those of another
 * pod are not, and nothing stays behind.
 */
export async function expectTapped(sandbox: Sandbox, web: Pod, dest: NodeName, other?: Pod): Promise<void> {
  const peer = await sandbox.startPod({ name: 'peer', node: nextTo(web.node) });
  const before = await snapshot(web);
  const args = [`--pod=${web.name}`, `--dest-node=${dest}`];
  await sandbox.tap(...args);
  const packets = await captureOnNode(dest, 'mirror', async () => {
    expect(await Flow.send(peer, web, count)).toEqual({ sent: count, duplicates: 0, gaps: [] });
    if (other !== undefined) await Flow.send(peer, other, count);
  });
  const [here, there] = await Promise.all([web.address(), peer.address()]);
  expect(flowNumbers(packets, there, here)).toEqual(numbersFrom(0, count));
  expect(flowNumbers(packets, here, there)).toEqual(numbersFrom(0, count));
  if (other !== undefined) expect(flowNumbers(packets, there, await other.address())).toEqual([]);
  if (dest !== web.node) {
    expect(await egressOfMirror(web)).toContain('copy-over-IPv4.o:[tc/copy]');
    for (const node of [web.node, dest]) expect(await onNode(node, 'nft', 'list', 'tables')).toMatch(guard);
  }
  await sandbox.untap(...args);
  expect(await snapshot(web)).toEqual(before);
}

/** The runtime's seccomp profile lets the sender load its program. */
function egressOfMirror(web: Pod): Promise<string> {
  return web.inNetns('tc', 'filter', 'show', 'dev', 'mirror', 'egress');
}
