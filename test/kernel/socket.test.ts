import { request } from 'node:http';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import type { Agent } from './support/agent.ts';
import { test } from './support/net.ts';
import { childrenOf, commandOf } from './support/processes.ts';
import { sendUdp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

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

test('an answer starts no process, and takes 100 ms at most', async ({ net }) => {
  const { sender, receiver } = await net.tap();
  for (const agent of [sender, receiver]) {
    const ended = () => faultsOfEnded(agent.child.pid);
    // What the agent does at the beginning is over: then only answers are left to start anything.
    await expect.poll(() => startedWithin(ended, () => net.ticks(1)), soon).toBe(0);
    for (const what of ['/status', '/metrics']) {
      const answerMs = async () => {
        await sleep(1000); // what was read before is not fresh any more
        const beganAt = performance.now();
        expect(await ask(agent, 'GET', what)).toMatchObject({ status: 200 });
        return performance.now() - beganAt;
      };
      await expect.poll(() => startedWithin(ended, answerMs), soon).toBe(0);
      await expect.poll(answerMs, soon).toBeLessThan(100);
    }
  }
});

test('an agent whose monitor is killed answers as before, and sees what changes', async ({ net }) => {
  const { sender } = await net.tap();
  const monitor = childrenOf(sender.child.pid).find((pid) => commandOf(pid).includes('kokotap-monitor'));
  if (monitor === undefined) throw new Error('the agent has no monitor');
  process.kill(monitor, 'SIGKILL');
  const { body } = await ask(sender, 'GET', '/status');
  expect(JSON.parse(body).observed).toMatchObject([{ tap: net.tapId, role: 'sender' }]);
  await net.exec('pod', 'ip link set mirror down');
  await expect.poll(() => net.exec('pod', 'ip link show mirror'), soon).toContain(',UP');
});

const program = path.resolve('dist/kokotap-ask');

/** Page faults of the processes that it started and that have ended: each has some. */
function faultsOfEnded(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the name in parentheses, can hold blanks; cminflt is the eleventh.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[8]);
}

/** How much a figure grows while something is done. */
async function startedWithin(figure: () => number, act: () => Promise<unknown>): Promise<number> {
  const before = figure();
  await act();
  return figure() - before;
}

async function ask(agent: Agent, method: string, url: string): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const asked = request({ socketPath: agent.socket, method, path: url }, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  asked.on('error', reject).end();
  return promise;
}
