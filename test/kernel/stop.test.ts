import { expect } from 'vitest';
import { test } from './support/net.ts';

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
