import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test as plainTest } from 'vitest';
import { run } from '#src/exec/command.ts';
import { handleOf } from '#src/tap/ownership/mark.ts';
import type { Agent } from '../support/agent.ts';
import { MemoryLimit } from '../support/memoryLimit.ts';
import { type Net, test } from '../support/net.ts';
import { scaled } from '../support/speed.ts';
import { end } from '../support/wait.ts';

/** `ENDS=200 npx vitest run test/kernel/gone.test.ts -t 'a tap that ends'` tries as many. */
const count = Number(process.env['ENDS'] ?? 12);
const leaseMs = 2000;
const short = { 'lease-ms': String(leaseMs), 'tick-ms': '100' };
const keeper = { ...short, vni: '101', ifname: 'other' };
/** A lease, the searches of those that keep the node clean, and what they take. */
const sweptMs = 2 * leaseMs + 10_000;
/** An agent is ready within about a second. */
const latestEndMs = 1500;

/** How the agents of a tap can end. */
type Way = (agents: readonly Agent[], random: () => number, again: () => readonly Agent[]) => Promise<void>;

const ways: Readonly<Record<string, Way>> = {
  /** As the kubelet ends them. */
  terminated: async (agents) => {
    const codes = await Promise.all(agents.map((agent) => agent.stop()));
    // Before Node.js has installed the handler, SIGTERM itself ends the agent, which has made nothing then.
    for (const code of codes) expect(code ?? 0).toBe(0);
  },
  /** As a forced deletion ends them. */
  killed: async (agents) => {
    await Promise.all(agents.map((agent) => agent.kill()));
  },
  /** The grace period was too short. */
  cutShort: async (agents, random) => {
    for (const { child } of agents) child.kill('SIGTERM');
    await sleep(random() * 150);
    await Promise.all(agents.map((agent) => agent.kill()));
  },
  /** With all that they started, as the kernel ends a cgroup. */
  killedWhole: async (agents) => {
    await Promise.all(agents.map(killWhole));
  },
  /** By the kernel, for the memory of their containers is used up. */
  outOfMemory: async (agents) => {
    const memory = new MemoryLimit(`kokotap-test-${process.pid}`);
    try {
      for (const { child } of agents) memory.hold(child.pid);
      await memory.exhaust(() =>
        agents.every(({ child: { exitCode, signalCode } }) => (exitCode ?? signalCode) !== null),
      );
      for (const { child } of agents) expect(child.signalCode).toBe('SIGKILL');
    } finally {
      await memory.remove();
    }
  },
  /** Between their restarts, as the kubelet restarts them. */
  killedAgain: async (agents, random, again) => {
    await Promise.all(agents.map((agent) => agent.kill()));
    const next = again();
    await sleep(random() * latestEndMs);
    await Promise.all(next.map((agent) => agent.kill()));
  },
};

describe('a tap that ends', () => {
  test(
    `at any moment, in any way, leaves nothing: ${count} times`,
    async ({ net }) => {
      await net.quiet();
      const before = await shape(net);
      const others = await net.tap({ ...keeper, 'tap-id': net.otherTapId });
      const start = () => [net.startSender(short), net.startReceiver(short)];
      const all = Object.entries(ways);
      for (let seed = 1; seed <= count; seed++) {
        const random = randomFrom(seed);
        const [name, endBy] = all[seed % all.length] ?? ['none', undefined];
        const delayMs = Math.floor(random() * latestEndMs);
        const agents = start();
        await sleep(delayMs);
        await endBy?.(agents, random, start);
        const what = `seed ${seed}, ${name} after ${delayMs} ms`;
        const left = async () => `${what} left: ${await tracesOf(net)}`;
        if (name !== 'terminated')
          await expect.poll(left, { timeout: scaled(sweptMs) }).toBe(`${what} left: `);
        expect(await left()).toBe(`${what} left: `);
      }
      for (const each of Object.values(others)) expect(await each.stop()).toBe(0);
      expect(await shape(net)).toBe(before);
    },
    scaled(count * (2 * latestEndMs + sweptMs)),
  );
});

plainTest('the same seed gives the same numbers', () => {
  const [one, other] = [randomFrom(7), randomFrom(7)];
  expect([one(), one()]).toEqual([other(), other()]);
});

/** What there is of the tap that ends: lines with its device, id, or filters' handles. */
async function tracesOf(net: Net): Promise<string> {
  const handles = [true, false].map(
    (ownsQdisc) => `handle 0x${handleOf(net.tapId, ownsQdisc).toString(16)} `,
  );
  const marks = ['mirror', net.tapId, ...handles];
  const lines = (await shape(net)).split('\n');
  return lines.filter((line) => marks.some((mark) => line.includes(mark))).join('\n');
}

/** What the namespaces have of taps, without counters and the kernel's numbers. */
async function shape(net: Net): Promise<string> {
  const look = `ip -oneline -details link show; tc qdisc show; nft --stateless list ruleset
for link in $(ls /proc/sys/net/ipv4/conf); do tc filter show dev "$link" ingress; tc filter show dev "$link" egress; done 2>/dev/null`;
  const shown = await Promise.all(
    (['pod', 'nodeA', 'nodeB'] as const).map((where) => net.exec(where, 'bash', '-c', `${look}\ntrue`)),
  );
  return shown.join('\n').replaceAll(/^\d+: |(?<=@if)\d+|\bid \d+|(?<=blackhole )\w+/gm, '');
}

/** Ends an agent with all that it started. */
async function killWhole({ child }: Agent): Promise<void> {
  child.kill('SIGSTOP');
  await run('pkill', ['--signal', 'KILL', '--parent', String(child.pid)]).catch(() => undefined); // it had started none
  await end(child, 'SIGKILL');
}

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
