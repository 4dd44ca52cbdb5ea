import { describe, expect } from 'vitest';
import type { Leftover } from '#src/agent/status/leftovers.ts';
import { type Net, test } from './support/net.ts';

describe('the status', () => {
  test('names what is left of a tap whose agents were killed, and nothing of one that is kept', async ({
    net,
  }) => {
    const { sender, receiver } = await net.tap();
    expect(await leftovers(net)).toEqual([]);
    await Promise.all([sender.kill(), receiver.kill()]);
    const [left, ...more] = await leftovers(net);
    expect(more).toEqual([]);
    expect(left).toMatchObject({ tap: net.tapId, guards: ['sender'] });
    // That of node B is not seen from node A.
    expect(left?.devices.map(({ name }) => name)).toEqual(['mirror']);
    expect(new Set(left?.filters.map((each) => `${each.interface} ${each.hook}`))).toEqual(
      new Set(['eth0 ingress', 'eth0 egress', 'mirror ingress', 'mirror egress']),
    );
    expect(left?.leaseSeconds).toBeGreaterThan(0);
    const again = net.startSender();
    await again.logged('"state":"no-peer"');
    expect(await again.stop()).toBe(0);
    expect(await leftovers(net)).toEqual([]);
  });
});

async function leftovers(net: Net): Promise<readonly Leftover[]> {
  return JSON.parse(await net.ask('nodeA', 'status')).leftovers;
}
