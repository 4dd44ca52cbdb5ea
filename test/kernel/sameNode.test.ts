import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture } from './support/capture.ts';
import { isSoundTcp } from './support/frames.ts';
import { type Net, test } from './support/net.ts';
import { covered, segment } from './support/stream.ts';
import { receiveTcp, sendTcp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

const port = 7000;
const bytes = 2_000_000;

test.for([1500, 9000])(
  'on the same node copies of TCP of a pod with MTU %d have their checksums and fit that MTU',
  async (mtuBytes, { net }) => {
    await net.withoutIPv6();
    await net.setPodMtu(mtuBytes);
    await net.tapSameNode({ filter: 'tcp' });
    const atMirror = await Capture.start(net, 'nodeA', 'mirror', mtuBytes + 100, { roomKib: 65_536 });
    for (const [from, to, address] of [
      ['nodeA', 'pod', addresses.pod],
      ['pod', 'nodeA', addresses.gateway],
    ] as const) {
      const server = await receiveTcp(net, to, port);
      await sendTcp(net, from, address, port, bytes);
      expect(await server.received()).toBe(bytes);
    }
    const frames = await atMirror.frames();
    expect(Math.max(...frames.map((frame) => frame.length / 2))).toBeLessThanOrEqual(mtuBytes + 14);
    expect(frames.filter((frame) => !isSoundTcp(frame))).toEqual([]);
    const streams = ['pod', 'gateway'] as const;
    const seen = streams.map((to) => covered(sentTo(frames, addresses[to])));
    expect(seen).toEqual([bytes, bytes]);
  },
);

test("on the same node the mirror has the MTU of the tap's largest target, and follows it", async ({
  net,
}) => {
  await net.tapSameNode();
  expect(await mtus(net)).toEqual([1500, 1500]);
  await net.setPodMtu(9000);
  await expect.poll(() => mtus(net), soon).toEqual([9000, 9000]);
});

test('on the same node the mirror of lo has the largest MTU that it can have', async ({ net }) => {
  await net.tapSameNode({ 'pod-ifname': 'eth0,lo' });
  expect(await mtus(net)).toEqual([65_535, 65_535]);
});

function sentTo(frames: readonly string[], to: string) {
  const address = Buffer.from(to.split('.').map(Number)).toString('hex');
  return frames
    .filter((frame) => frame.slice(60, 68) === address)
    .flatMap((frame) => segment(frame, port) ?? []);
}

/** Of both halves of the pair, in bytes. */
function mtus(net: Net): Promise<number[]> {
  return Promise.all(
    (['pod', 'nodeA'] as const).map(async (where) =>
      Number(/mtu (\d+)/.exec(await net.exec(where, 'ip link show dev mirror'))?.[1]),
    ),
  );
}
