import { describe, expect } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { Capture } from './support/capture.ts';
import { test } from './support/net.ts';

const listenMs = 30_000;

describe('a tap of a pod without traffic', () => {
  test(
    'shows no frame on either mirror in 30 s, even where IPv6 forwarding is on',
    { timeout: 60_000 },
    async ({ net }) => {
      for (const where of ['nodeA', 'nodeB', 'pod'] as const) {
        await net.exec(
          where,
          'sysctl',
          '-qw',
          'net.ipv6.conf.all.forwarding=1',
          'net.ipv6.conf.default.forwarding=1',
        );
      }
      await net.quiet();
      await net.tap();
      const captures = [await Capture.start(net, 'nodeB', 'mirror'), await Capture.start(net, 'pod', 'eth0')];
      await sleep(listenMs);
      const [mirrored, original] = await Promise.all(captures.map((capture) => capture.frames()));
      expect(original).toEqual([]);
      expect(mirrored).toEqual([]);
    },
  );

  test('sends nothing while its devices come up, by a veth pair either', async ({ net }) => {
    await net.quiet();
    await net.exec('nodeA', 'sysctl', '-qw', 'net.ipv6.conf.default.forwarding=1');
    await net.exec('pod', 'sysctl', '-qw', 'net.ipv6.conf.default.forwarding=1');
    await net.tapSameNode();
    const mirror = await Capture.start(net, 'nodeA', 'mirror');
    await net.exec('nodeA', 'ip', 'link', 'set', 'mirror', 'down');
    await sleep(5000); // healed meanwhile: it comes up again under the eyes of the capture
    expect(await mirror.frames()).toEqual([]);
  });
});
