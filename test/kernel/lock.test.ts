import { once } from 'node:events';
import { describe, expect } from 'vitest';
import { lockSocket } from '#src/tap/ownership/lockSocket.ts';
import type { Role } from '#src/tap/ownership/mark.ts';
import { type Net, test } from './support/net.ts';
import { soon } from './support/wait.ts';

/** Of the user nobody. */
const nobody = 65534;

describe('the lock', () => {
  test('of an end cannot be held by anybody but root', async ({ net }) => {
    await holdLock(net, 'sender', nobody);
    await net.tap();
    await holdLock(net, 'receiver', 0);
    const second = net.startReceiver();
    await second.logged('waiting for another receiver of this tap');
  });

  test('is one for each role and tap, also of agents that start at the same moment', async ({ net }) => {
    const waiting = new Set([1, 2, 3].map(() => net.startReceiver()));
    const holders = () => [...waiting].filter(({ output }) => output.includes('"state":"no-peer"'));
    for (; waiting.size > 0;) {
      await expect.poll(holders, soon).toHaveLength(1);
      await net.ticks(4); // in which the others try again
      const [holder, ...more] = holders();
      expect(more).toEqual([]);
      if (holder !== undefined) waiting.delete(holder);
      expect(await holder?.stop()).toBe(0);
    }
  });

  test("that nobody holds does not keep a killed agent's device in the way", async ({ net }) => {
    const { receiver } = await net.tap();
    await receiver.kill();
    await holdLock(net, 'receiver', nobody);
    const other = net.startReceiver({ 'tap-id': net.otherTapId, ifname: 'other' });
    await other.logged('"state":"no-peer"');
    expect(await net.exec('nodeB', 'ip -oneline link')).not.toContain(' mirror: ');
  });
});

/** Opens the socket of an end's lock on its node, as a user, until the test ends. */
async function holdLock(net: Net, role: Role, user: number): Promise<void> {
  const { address, peer } = lockSocket(role, net.tapId);
  const script = `import os, socket, time
os.setuid(${user})
lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
lock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
lock.bind(('${address}', 0))
lock.connect(('${peer.address}', ${peer.port}))
print('held', flush=True)
time.sleep(600)`;
  const child = net.spawn(role === 'sender' ? 'nodeA' : 'nodeB', 'python3', '-c', script);
  if (child.stdout !== null) await once(child.stdout, 'data');
}
