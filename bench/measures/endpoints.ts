import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { EndpointDocument } from '#src/spec/endpoint.ts';
import { ROOT } from '../lab.ts';
import { addresses } from '../../test/kernel/support/addresses.ts';
import { ListFile } from '../../test/kernel/support/listFile.ts';
import { MorePods, type Pod } from '../../test/kernel/support/morePods.ts';
import { Network } from '../../test/kernel/support/network.ts';
import { type AgentAtRest, atRest } from './agents.ts';

/** What an agent of many endpoints takes, each of which is in another pod. */
export interface EndpointFigures {
  readonly count: number;
  readonly agents: Readonly<Record<'sender' | 'receiver', AgentAtRest>>;
  /** From the lists to the moment when all are ready. */
  readonly makeSeconds: number;
  /** From the empty lists to the moment when nothing is left. */
  readonly removeSeconds: number;
  /** From the list with one changed endpoint to the moment when the kernel has it. */
  readonly changeSeconds: number;
  /** A question over the agent's socket, while nothing else happens: what status takes. */
  readonly statusMilliseconds: number;
}

const settleMs = 20_000;
const limitMs = 300_000;

/** Measures two agents of so many endpoints, which nothing passes, in network namespaces of this machine. */
export async function measureEndpoints(count: number): Promise<EndpointFigures> {
  const network = new Network();
  await network.build();
  const pods = await MorePods.start(network, count);
  const agents = { sender: new Listed(network, 'sender'), receiver: new Listed(network, 'receiver') };
  const both = Object.values(agents);
  const apply = (change: object = {}): void => {
    agents.receiver.apply(pods.all.map((_, at) => receiverOf(at)));
    agents.sender.apply(pods.all.map((pod, at) => senderOf(pod, at, at === 0 ? change : {})));
  };
  try {
    for (const agent of both) agent.apply([]);
    await Promise.all(both.map((agent) => agent.until((endpoints) => endpoints.length === 0)));
    const makeSeconds = await seconds(async () => {
      apply();
      await Promise.all(
        both.map((agent) =>
          agent.until((all) => all.length === count && all.every(({ state }) => state === 'ready')),
        ),
      );
    });
    await sleep(settleMs);
    const [sender, receiver] = await Promise.all(both.map(({ pid }) => atRest(pid)));
    if (sender === undefined || receiver === undefined) throw new Error('there are two agents');
    const statusMilliseconds = 1000 * (await seconds(() => agents.sender.ask('/status')));
    const changeSeconds = await seconds(async () => {
      apply({ direction: 'ingress' });
      const [pod] = pods.all;
      while ((await pod?.exec('tc filter show dev eth0 egress')) !== '') await sleep(10);
    });
    const removeSeconds = await seconds(async () => {
      for (const agent of both) agent.apply([]);
      await Promise.all(both.map((agent) => agent.until((endpoints) => endpoints.length === 0)));
    });
    return {
      count,
      agents: { sender, receiver },
      makeSeconds,
      removeSeconds,
      changeSeconds,
      statusMilliseconds,
    };
  } finally {
    for (const agent of both) agent.kill();
    await pods.stop();
    await network.destroy();
  }
}

const answer = z.object({ endpoints: z.array(z.object({ state: z.optional(z.string()) })) });
type Told = z.infer<typeof answer>['endpoints'];

/** An agent that reads a list. */
class Listed {
  readonly #list: ListFile;
  readonly #socket: string;
  readonly #child: ChildProcess;

  constructor(network: Network, role: 'sender' | 'receiver') {
    this.#list = new ListFile(network);
    const folder = mkdtempSync(network.file('run-'));
    this.#socket = path.join(folder, 'agent.sock');
    const rights = role === 'sender' ? '+net_admin,+sys_admin,+sys_ptrace' : '+net_admin';
    const mount =
      'mount -t tmpfs shm /dev/shm && mkdir /dev/shm/kokotap && mount --bind "$0" /dev/shm/kokotap && exec "$@"';
    const netns = network.netns(role === 'sender' ? 'nodeA' : 'nodeB');
    // oxfmt-ignore
    const command = [
      `--net=/run/netns/${netns}`, 'unshare', '--mount', 'sh', '-c', mount, folder,
      'setpriv', `--bounding-set=-all,${rights}`,
      process.execPath, '--lite-mode', path.join(ROOT, 'dist/kokotap-agent.js'), role, `--endpoints=${this.#list.name}`,
    ];
    this.#child = spawn('nsenter', command, { stdio: 'ignore' });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the agent could not be started');
    return this.#child.pid;
  }

  apply(endpoints: readonly EndpointDocument[]): void {
    this.#list.write(endpoints);
  }

  /** Waits until what the agent says of its endpoints is so. */
  async until(isSo: (endpoints: Told) => boolean): Promise<void> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const said = await this.ask('/endpoints').catch(() => undefined); // it does not listen yet
      if (said !== undefined && isSo(answer.parse(JSON.parse(said)).endpoints)) return;
      if (performance.now() > deadline)
        throw new Error(`Waited ${limitMs} ms in vain for endpoints: ${said}`);
      await sleep(50);
    }
  }

  ask(what: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const asked = request({ socketPath: this.#socket, path: what }, (response) => {
      text(response).then(resolve, reject);
    });
    asked.on('error', reject);
    asked.end();
    return promise;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

function senderOf({ uid }: Pod, at: number, change: object): EndpointDocument {
  return {
    ...common(at, 'nodeA', 'nodeB'),
    kind: 'Sender',
    hostNetwork: false,
    podUid: uid,
    namespace: 'default',
    interfaces: ['eth0'],
    direction: 'both',
    externalPeer: false,
    ...change,
  };
}

function receiverOf(at: number): EndpointDocument {
  return { ...common(at, 'nodeB', 'nodeA'), kind: 'Receiver', joined: true };
}

function common(at: number, local: 'nodeA' | 'nodeB', remote: 'nodeA' | 'nodeB') {
  return {
    apiVersion: 'kokotap.dev/v1alpha1',
    tapId: createHash('sha256').update(`bench ${at}`).digest('hex').slice(0, 12),
    path: {
      kind: 'vxlan',
      vni: 100 + at,
      port: 4789,
      local: addresses[local],
      remote: addresses[remote],
    },
    mirrorInterface: 'mirror',
  } as const;
}

async function seconds(action: () => Promise<unknown>): Promise<number> {
  const beganAt = performance.now();
  await action();
  return (performance.now() - beganAt) / 1000;
}
