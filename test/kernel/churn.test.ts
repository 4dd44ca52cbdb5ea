import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
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
import { soon } from './support/wait.ts';

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
      const atFirst = await settled(() => held(sender.child.pid));
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
      await expect.poll(() => held(sender.child.pid), soon).toEqual(atFirst);
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

/** What a process has open, by kind, and how many children. */
function held(pid: number | undefined): Record<string, number> {
  const folder = `/proc/${pid}/fd`;
  const kinds = readdirSync(folder).map((fd) => kindOf(`${folder}/${fd}`));
  const counts: Record<string, number> = { children: childrenOf(pid) };
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function kindOf(fd: string): string {
  try {
    return readlinkSync(fd).replace(/\[?\d+\]?/gu, '');
  } catch {
    return 'closed meanwhile';
  }
}

/** What does not change any more for a while: no command is running. */
async function settled<T>(read: () => T): Promise<T> {
  for (let last = read(); ;) {
    await sleep(scaled(1000));
    const now = read();
    if (isDeepStrictEqual(now, last)) return now;
    last = now;
  }
}

function childrenOf(pid: number | undefined): number {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).length;
}
