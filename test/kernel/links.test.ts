import { once } from 'node:events';
import { expect } from 'vitest';
import { listLinks } from '#src/net/links.ts';
import { Netns } from '#src/net/netns.ts';
import { test } from './support/net.ts';

test('no device is missing from a list that others change while it is read', async ({ net }) => {
  const lasting = Array.from({ length: 200 }, (_, index) => `d${index}`);
  const make = lasting.map((name) => `ip link add ${name} type bridge`).join('\n');
  const churn =
    'while ip link add c0 type bridge && ip link delete d0 && ip link add d0 type bridge && ip link delete c0; do :; done';
  const child = net.spawn('nodeB', 'bash', '-c', `${make}\necho made\n${churn}`);
  if (child.stdout !== null) await once(child.stdout, 'data');
  const netns = new Netns(`/run/netns/${net.netns('nodeB')}`);
  let interrupted = 0;
  const onCommand = () => interrupted++;
  const rounds = 40;
  try {
    for (let round = 0; round < rounds; round++) {
      const names = new Set((await listLinks(netns, { onCommand })).map(({ name }) => name));
      expect(lasting.slice(1).filter((name) => !names.has(name))).toEqual([]);
    }
  } finally {
    netns.close();
  }
  // Lists were interrupted, and read again.
  expect(interrupted).toBeGreaterThan(rounds);
});
