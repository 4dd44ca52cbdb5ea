import path from 'node:path';
import { expect } from 'vitest';
import { test } from './support/net.ts';
import { childrenOf, commandOf } from './support/processes.ts';
import { scaled } from './support/speed.ts';
import { soon } from './support/wait.ts';

test('SIGTERM ends an agent that waits for another of its tap, and leaves that one alone', async ({
  net,
}) => {
  await net.quiet();
  const { sender } = await net.tap();
  const before = await net.snapshot('pod');
  const second = net.startSender();
  await second.logged('waiting for another sender of this tap');
  expect(await second.stop()).toBe(0);
  expect(sender.isReady()).toBe(true);
  expect(await net.snapshot('pod')).toBe(before);
});

test.for(['SIGTERM', 'SIGKILL'] as const)(
  'no process that an agent started outlives its %s',
  async (signal, { net }) => {
    const { sender } = await net.tap();
    const monitors = () => childrenOf(sender.child.pid).filter((pid) => commandOf(pid).includes('monitor'));
    await expect.poll(() => monitors().map(commandOf), soon).toEqual([path.resolve('dist/kokotap-monitor')]);
    const started = monitors();
    await (signal === 'SIGTERM' ? sender.stop() : sender.kill());
    const left = () => started.filter((pid) => commandOf(pid) !== '');
    // The kernel ends them, as soon as they are given CPU time.
    await expect.poll(left, { timeout: scaled(1000) }).toEqual([]);
  },
);
