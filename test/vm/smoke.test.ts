import { expect } from 'vitest';
import { addresses } from '../kernel/support/addresses.ts';
import { Capture, isUdp } from '../kernel/support/capture.ts';
import { test } from '../kernel/support/net.ts';
import { sendUdp } from '../kernel/support/traffic.ts';

/** All in one, for a machine that takes a second to start a program; the kernel tests look at each promise apart. */
test('a tap copies both ways, and its end leaves everything as it was', async ({ net }) => {
  await net.quiet();
  const before = [await net.snapshot('pod'), await net.snapshot('nodeB')];
  const { sender, receiver } = await net.tap();
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'nodeA', addresses.pod, { count: 20 });
  await sendUdp(net, 'pod', addresses.gateway, { count: 20 });
  expect((await atMirror.frames()).filter(isUdp)).toHaveLength(40);
  expect([await sender.stop(), await receiver.stop()]).toEqual([0, 0]);
  expect([await net.snapshot('pod'), await net.snapshot('nodeB')]).toEqual(before);
});
