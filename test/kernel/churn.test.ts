import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import {
  expectKernel,
  type Item,
  podOf,
  receiverOf,
  shapeOf,
  startList,
  startTraffic,
  tapIdOf,
  writeList,
} from './support/endpointItems.ts';
import { ListFile, writers } from './support/listFile.ts';
import { MorePods } from './support/morePods.ts';
import { test } from './support/net.ts';
import { scaled } from './support/speed.ts';

/** `CHURN_SECONDS=600 npx vitest run test/kernel/churn.test.ts` churns for ten minutes. */
const churnSeconds = Number(process.env['CHURN_SECONDS'] ?? 10);
const podCount = 20;
const longestPauseMs = 1500;
const items: readonly Item[] = ['both', 'ingress', 'egress', 'other tap', 'none'];

test(
  `20 endpoints that come, change and go for ${churnSeconds} s disturb nobody, and leave nothing`,
  async ({ net }) => {
    await net.quiet();
    const pods = await MorePods.start(net, podCount);
    try {
      const before = await Promise.all(pods.all.map(shapeOf));
      const node = await net.snapshot('nodeB');
      const [senders, receivers] = [new ListFile(net), new ListFile(net)];
      writeList(senders, [podOf(net)], [], 'volume');
      receivers.write([]);
      const [sender, receiver] = [startList(net, 'sender', senders), startList(net, 'receiver', receivers)];
      const steady = net.startReceiver({ 'tap-id': tapIdOf(0, false), vni: '100', ifname: 'mirror' });
      await Promise.all([steady.ready(), receiver.ready(), sender.ready()]);
      const atFirst = {
        descriptors: descriptorsOf(sender.child.pid),
        processes: childrenOf(sender.child.pid),
      };
      const traffic = await startTraffic(net);
      const wanted: Item[] = pods.all.map(() => 'none');
      const write = (): void => {
        writeList(senders, [podOf(net), ...pods.all], wanted, pick(writers));
        const there = wanted.flatMap((item, at) => (item === 'none' || item === 'other tap' ? [] : [at + 1]));
        receivers.write(
          there.map((at) => receiverOf(at, ['--ifname=joined', '--joined='])),
          pick(writers),
        );
      };
      for (const end = performance.now() + churnSeconds * 1000; performance.now() < end;) {
        wanted[randomInt(podCount)] = pick(items);
        write();
        await sleep(randomInt(longestPauseMs));
      }
      await expectKernel(pods.all, wanted, sender);
      wanted.fill('none');
      write();
      await expectKernel(pods.all, wanted, sender);
      const { copied, exchanged } = await traffic.end();
      expect(copied).toBe(2 * exchanged);
      await net.ticks(8);
      expect({
        descriptors: descriptorsOf(sender.child.pid),
        processes: childrenOf(sender.child.pid),
      }).toEqual(atFirst);
      expect(await Promise.all([sender, receiver, steady].map((agent) => agent.stop()))).toEqual([0, 0, 0]);
      expect(await Promise.all(pods.all.map(shapeOf))).toEqual(before);
      expect(await net.snapshot('nodeB')).toEqual(node);
    } finally {
      await pods.stop();
    }
  },
  scaled(120_000) + 2 * churnSeconds * 1000,
);

function pick<T>(values: readonly T[]): T {
  const value = values[randomInt(values.length)];
  if (value === undefined) throw new Error('there is nothing to pick from');
  return value;
}

/** How many descriptors a process has open. */
function descriptorsOf(pid: number | undefined): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function childrenOf(pid: number | undefined): number {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).length;
}
