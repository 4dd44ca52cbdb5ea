import { request } from 'node:http';
import { statSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import type { Agent } from './support/agent.ts';
import { test } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';

test('an agent answers over a unix socket for its own endpoints, to root only', async ({ net }) => {
  const { sender, receiver } = await net.tap();
  await sendUdp(net, 'nodeA', addresses.pod, { count: 20 });
  for (const [agent, role] of [
    [sender, 'sender'],
    [receiver, 'receiver'],
  ] as const) {
    const { body } = await ask(agent, 'GET', '/status');
    const { endpoints, observed, leftovers } = JSON.parse(body);
    expect(endpoints).toMatchObject([{ tap: net.tapId, state: 'ready', reason: expect.any(String) }]);
    expect(observed).toMatchObject([{ tap: net.tapId, role, device: { name: 'mirror', up: true } }]);
    // Leases of other tests' taps are in the same kernel.
    expect(leftovers.filter(({ tap }: { tap: string }) => tap === net.tapId)).toEqual([]);
    const metrics = await ask(agent, 'GET', '/metrics');
    expect(metrics.body).toContain(`kokotap_device_up{tap="${net.tapId}",role="${role}"} 1`);
    const known = await ask(agent, 'GET', `/endpoints?tap=${net.tapId}`);
    expect(JSON.parse(known.body).endpoints).toHaveLength(1);
    for (const strange of [`/status?tap=${net.otherTapId}`, '/other'])
      expect(await ask(agent, 'GET', strange)).toMatchObject({ status: 404 });
    expect(statSync(path.dirname(agent.socket)).mode & 0o777).toBe(0o700);
  }
  const { body } = await ask(sender, 'POST', '/probe');
  expect(JSON.parse(body).probes).toMatchObject([{ tap: net.tapId, reached: true }]);
  expect(await ask(receiver, 'POST', '/probe')).toMatchObject({
    status: 500,
    body: expect.stringContaining('There is no tap here to probe'),
  });
});

test('status asks the agent of its pod, and searches the node where there is none of that tap', async ({
  net,
}) => {
  const { sender } = await net.tap();
  const inPod = async (tap: string) => {
    const mount = `--mount=/proc/${sender.child.pid}/ns/mnt`;
    const asked = [process.execPath, path.resolve('dist/kokotap-agent.js'), 'status', `--tap-id=${tap}`];
    return JSON.parse(await net.exec('nodeA', 'nsenter', mount, ...asked));
  };
  const own = await inPod(net.tapId);
  expect(own.endpoints).toMatchObject([{ tap: net.tapId, state: 'ready' }]);
  expect(own.observed).toMatchObject([{ tap: net.tapId, role: 'sender', device: { name: 'mirror' } }]);
  expect(Object.keys(await inPod(net.otherTapId))).toEqual(['observed', 'leftovers']);
});

test('status in the image asks that agent without Node.js', async ({ net }) => {
  const { sender } = await net.tap();
  const inPod = (...args: string[]) =>
    net.exec('nodeA', 'nsenter', `--mount=/proc/${sender.child.pid}/ns/mnt`, program, 'status', ...args);
  const own = JSON.parse(await inPod(`--tap-id=${net.tapId}`));
  expect(own.endpoints).toMatchObject([{ tap: net.tapId, state: 'ready' }]);
  expect(own.observed).toMatchObject([{ tap: net.tapId, role: 'sender', device: { name: 'mirror' } }]);
  expect(JSON.parse(await inPod()).endpoints).toEqual(own.endpoints);
  // What the agent cannot say is up to its own program, which this machine does not have.
  for (const other of [`--tap-id=${net.otherTapId}`, '--node', '--tap-id=x'])
    await expect(inPod(other)).rejects.toThrow('cannot run /usr/bin/kokotap-agent');
});

const program = path.resolve('dist/kokotap-ask');

async function ask(agent: Agent, method: string, url: string): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const asked = request({ socketPath: agent.socket, method, path: url }, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  asked.on('error', reject).end();
  return promise;
}
