import { expect } from 'vitest';
import { DEFAULT_RESOURCES } from '#src/spec/resources.ts';
import { GRACE_SECONDS } from '#src/pods/podSpec.ts';
import { CpuLimit } from './support/cpuLimit.ts';
import { test } from './support/net.ts';

const { requests, limits } = DEFAULT_RESOURCES;
const [request = 0, limit = 0] = [requests['cpu'], limits['cpu']].map(
  (milli = '') => Number.parseInt(milli, 10) / 1000,
);
const graceMs = GRACE_SECONDS * 1000;
const interfaces = 300;

test('a tap of a node with 300 interfaces is removed in half its grace period at its CPU limit, and by what CPU it requests', async ({
  net,
}) => {
  const pairs = Array.from(
    { length: interfaces / 2 },
    (_, at) => `ip link add v${at} type veth peer name w${at}`,
  );
  await net.exec('nodeA', 'bash', '-c', pairs.join('\n'));
  const before = await net.exec('nodeA', 'tc', 'qdisc', 'show');
  const cpu = new CpuLimit(`kokotap-test-${net.tapId}`, limit);
  try {
    const { sender } = await net.tapNode('nodeA', 'nodeB', { 'pod-ifname': 'all' }, (each) =>
      cpu.hold(each.child.pid),
    );
    expect(await net.exec('nodeA', 'tc', 'qdisc', 'show')).toContain(
      `clsact ffff: dev v${interfaces / 2 - 1}`,
    );
    const [beganAt, usedBefore] = [performance.now(), cpu.usedMs()];
    expect(await sender.stop()).toBe(0);
    const tookMs = performance.now() - beganAt;
    const usedMs = cpu.usedMs() - usedBefore;
    // On a node without spare CPU it gets what it requests.
    expect(usedMs).toBeLessThan(request * graceMs);
    expect(tookMs).toBeLessThan(graceMs / 2);
    expect(await net.exec('nodeA', 'tc', 'qdisc', 'show')).toBe(before);
  } finally {
    await cpu.remove();
  }
});
