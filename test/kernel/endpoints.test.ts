import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { Agent } from './support/agent.ts';
import { Capture, isUdp } from './support/capture.ts';
import {
  expectKernel,
  type Item,
  items,
  podOf,
  receiverOf,
  senderOf,
  shapeOf,
  startList,
  startTraffic,
  tapIdOf,
  writeList,
} from './support/endpointItems.ts';
import { ListFile, writers } from './support/listFile.ts';
import { MorePods, type Pod } from './support/morePods.ts';
import { type Net, test as withNet } from './support/net.ts';
import { scaled } from './support/speed.ts';
import { sendUdp } from './support/traffic.ts';
import { until } from './support/wait.ts';

/** `ENDPOINT_RUNS=100 npx vitest run test/kernel/endpoints.test.ts` tries as many sequences of lists. */
const runs = Number(process.env['ENDPOINT_RUNS'] ?? 2);
const podCount = 3;

const test = withNet.extend<{ pods: MorePods; list: ListFile }>({
  pods: async ({ net }, use) => {
    const pods = await MorePods.start(net, podCount);
    try {
      for (const pod of pods.all) await pod.exec('ip link add taken type veth peer name other');
      await use(pods);
    } finally {
      await pods.stop();
    }
  },
  list: async ({ net }, use) => use(new ListFile(net)),
});

describe('a list of endpoints', () => {
  test(
    `ends in the kernel that it wants, however it changes, and disturbs nobody: ${runs} sequences`,
    async ({ net, pods, list }) => {
      await net.quiet();
      const [steady, others] = [podOf(net), pods.all];
      const before = await Promise.all(others.map(shapeOf));
      list.write([senderOf(steady, 0, 'both')]);
      const agent = startList(net, 'sender', list);
      net.startReceiver({ 'tap-id': tapIdOf(0, false), vni: '100', ifname: 'mirror' });
      await agent.ready();
      const traffic = await startTraffic(net);
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              wanted: fc.array(fc.constantFrom(...items), { minLength: podCount, maxLength: podCount }),
              by: fc.constantFrom(...writers),
              waits: fc.boolean(),
            }),
            { minLength: 1, maxLength: 4 },
          ),
          async (changes) => {
            let wanted: readonly Item[] = [];
            for (const change of changes) {
              ({ wanted } = change);
              writeList(list, [steady, ...others], wanted, change.by);
              if (change.waits) await net.ticks(2);
            }
            await expectKernel(others, wanted, agent);
          },
        ),
        { numRuns: runs, endOnFailure: true },
      );
      list.write([senderOf(steady, 0, 'both')]);
      await expectKernel(others, ['none', 'none', 'none'], agent);
      const { copied, exchanged } = await traffic.end();
      expect(copied).toBe(2 * exchanged);
      expect(await agent.stop()).toBe(0);
      expect(await Promise.all(others.map(shapeOf))).toEqual(before);
    },
    scaled(60_000 + runs * 60_000),
  );

  test('that is killed at any moment is healed by the next', async ({ net, pods, list }) => {
    const before = await Promise.all(pods.all.map(shapeOf));
    const wanted: readonly Item[] = ['both', 'ingress', 'other tap'];
    writeList(list, [podOf(net), ...pods.all], wanted, 'volume');
    for (const delayMs of [300, 500, 700, 900]) {
      const killed = startList(net, 'sender', list);
      await new Promise((resume) => setTimeout(resume, scaled(delayMs)));
      await killed.kill();
    }
    const agent = startList(net, 'sender', list);
    await agent.logged('"state":"no-peer"');
    await expectKernel(pods.all, wanted, agent);
    expect(await agent.stop()).toBe(0);
    expect(await Promise.all(pods.all.map(shapeOf))).toEqual(before);
  });

  test('has its last good state while its file has none, which is said once', async ({ net, pods, list }) => {
    const [pod] = pods.all;
    if (pod === undefined) throw new Error('there is no pod');
    const good = [senderOf(pod, 1, 'both')];
    const agent = startList(net, 'sender', list);
    await agent.logged('There is no list of endpoints yet: ENOENT');
    list.write(good);
    await expectKernel([pod], ['both'], agent);
    for (const [text, message] of [
      [JSON.stringify(good).slice(0, 60), 'no JSON: [{'],
      ['', 'no JSON: '],
      [
        '{"apiVersion":"kokotap.dev/v2","kind":"EndpointList","items":[]}',
        'field apiVersion: give kokotap.dev/v1alpha1',
      ],
    ] as const) {
      for (const by of writers) list.writeText(text, by);
      const said = () => troubles(agent).filter((trouble) => trouble.includes(message)).length;
      await until(
        async () => said() > 0,
        `it says ${message}`,
        () => agent.output,
      );
      await net.ticks(4);
      await expectKernel([pod], ['both'], agent);
    }
    expect(troubles(agent).map((trouble) => trouble.slice(0, 38))).toEqual(
      Array(3).fill('The last good list of endpoints stands'),
    );
    expect(agent.isReady()).toBe(false);
    list.write([]);
    await expectKernel([pod], ['none'], agent);
    await until(
      async () => agent.isReady(),
      'the agent of no endpoint is ready',
      () => agent.output,
    );
    expect(await agent.stop()).toBe(0);
  });

  test('is ready when all of its endpoints are', async ({ net, pods, list }) => {
    const receivers = new ListFile(net);
    const all = pods.all.map((pod, at) => senderOf(pod, at + 1, 'both'));
    list.write(all);
    receivers.write(pods.all.slice(1).map((_, at) => receiverOf(at + 2)));
    const sender = startList(net, 'sender', list);
    const receiver = startList(net, 'receiver', receivers);
    await receiver.ready();
    await sender.logged('"state":"no-peer"');
    expect(sender.isReady()).toBe(false);
    receivers.write(pods.all.map((_, at) => receiverOf(at + 1)));
    await Promise.all([sender.ready(), receiver.ready()]);
    expect(await Promise.all([sender.stop(), receiver.stop()])).toEqual([0, 0]);
    expect(await net.exec('nodeB', 'ip -oneline link')).not.toContain('mirror');
  });

  test('of a receiver may show all of them at one interface', async ({ net, pods, list }) => {
    await net.quiet();
    const before = await net.snapshot('nodeB');
    const receivers = new ListFile(net);
    const write = (from: number): void => {
      const at = pods.all.map((_, index) => index).slice(from);
      list.write(at.map((index) => senderOf(pods.all[index] ?? podOf(net), index + 1, 'both')));
      receivers.write(at.map((index) => receiverOf(index + 1, ['--ifname=mirror', '--joined='])));
    };
    write(0);
    const sender = startList(net, 'sender', list);
    const receiver = startList(net, 'receiver', receivers);
    await Promise.all([sender.ready(), receiver.ready()]);
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendToEach(net, pods.all);
    write(1);
    const gone = async () =>
      !(await net.exec('nodeB', 'ip -oneline link')).includes(`kt-${tapIdOf(1, false)}`);
    await until(gone, 'the first endpoint is gone', () => receiver.output);
    await sendToEach(net, pods.all);
    const frames = (await atMirror.frames()).filter(isUdp);
    // The capture goes on while endpoints come and go.
    expect(pods.all.map(({ address }) => frames.filter((frame) => isTo(frame, address)).length)).toEqual([
      3, 6, 6,
    ]);
    receivers.write([]);
    await until(
      async () => receiver.isReady() && !(await net.exec('nodeB', 'ip -oneline link')).includes('mirror'),
      'nothing is left',
      () => receiver.output,
    );
    expect(await Promise.all([sender.stop(), receiver.stop()])).toEqual([0, 0]);
    expect(await net.snapshot('nodeB')).toEqual(before);
  });

  test('may have a thousand of pods that are not here', async ({ net, list }) => {
    const absent = Array.from({ length: 1000 }, (_, at) => senderOf({ uid: `absent-${at}` }, at + 1, 'both'));
    const started = performance.now();
    list.write([senderOf(podOf(net), 0, 'both'), ...absent]);
    const agent = startList(net, 'sender', list);
    net.startReceiver({ 'tap-id': tapIdOf(0, false), vni: '100' });
    await agent.logged(new RegExp(`"tap":"${tapIdOf(0, false)}".*"state":"ready"`));
    expect(performance.now() - started).toBeLessThan(scaled(60_000));
    list.write([]);
    await until(
      async () => agent.isReady(),
      'all are gone',
      () => agent.output.slice(-1000),
    );
    expect(await agent.stop()).toBe(0);
  });
});

/** Sends each of some pods three datagrams from its node. */
async function sendToEach(net: Net, pods: readonly Pod[]): Promise<void> {
  for (const { address } of pods) await sendUdp(net, 'nodeA', address, { count: 3, maxBytes: 100 });
}

/** Whether an IPv4 packet is to that address. */
function isTo(frame: string, address: string): boolean {
  return frame.slice(60, 68) === Buffer.from(address.split('.').map(Number)).toString('hex');
}

/** What it said of the list. */
function troubles(agent: Agent): string[] {
  return agent.log.flatMap(({ msg }) => (msg.startsWith('The last good list') ? [msg] : []));
}
