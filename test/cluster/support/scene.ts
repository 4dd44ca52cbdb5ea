import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { captureOnEach } from './capture.ts';
import { type Flow, flaws, flowNumbers } from './flow.ts';
import { type NodeName, nextTo, nodes } from './lab.ts';
import type { Packet } from './packets.ts';
import type { Pod } from './pod.ts';
import type { Sandbox } from './sandbox.ts';

export interface Fault {
  /** Brings it about and waits until what it ended runs again. There is a scene for each target. */
  readonly strike: (scene: Scene, ...others: readonly Scene[]) => Promise<unknown>;
  /** The taps take no notice: every packet is copied meanwhile. */
  readonly unnoticed?: true;
  /** Whether a scene's target's network ends with it: only what is sent to the new one can arrive. */
  readonly endsTarget?: (scene: Scene) => boolean;
  /** A node's devices end with it, so that they cannot be compared with those of before. */
  readonly endsNode?: true;
}

/** Taps a pod of each of these nodes, brings the fault about, and expects the taps to do all that they should. */
export async function expectSurvived(
  sandbox: Sandbox,
  targets: readonly NodeName[],
  { strike, unnoticed, endsTarget, endsNode }: Fault,
): Promise<void> {
  const pods = await Promise.all(targets.map((node) => startPods(sandbox, node)));
  const webs = pods.map(({ web }) => web);
  const before = await sandbox.snapshot(...webs);
  const scenes = await Promise.all(pods.map(({ web, peer }) => Scene.start(sandbox, web, peer)));
  const [first, ...others] = scenes;
  if (first === undefined) throw new Error('a fault needs a target');

  const struck = () => strike(first, ...others);
  const meanwhile = unnoticed ? await captureOnEach(scenes, struck) : [];
  if (!unnoticed) await struck();
  await sandbox.ready(...scenes.flatMap(({ sender, receiver }) => [sender.name, receiver.name]));
  for (const scene of scenes) if (endsTarget?.(scene)) await scene.expectNewTarget();
  const after = await captureOnEach(scenes, () => sleep(1000));
  for (const scene of scenes) await scene.expectFlowWhole();
  for (const { place, packets } of [...meanwhile, ...after]) await place.expectCopies(packets);

  await Promise.all(scenes.map((scene) => scene.end()));
  expect(await sandbox.traces()).toEqual([]);
  if (endsTarget === undefined && !endsNode) expect(await sandbox.snapshot(...webs)).toEqual(before);
}

async function startPods(sandbox: Sandbox, node: NodeName): Promise<{ web: Pod; peer: Pod }> {
  const [web, peer] = await Promise.all([
    sandbox.startPod({ name: `web-on-${node}`, node }),
    sandbox.startPod({ name: `peer-of-${node}`, node: nextTo(nextTo(node)) }),
  ]);
  return { web, peer };
}

const perSecond = 1000;

/** A tap under traffic: from a peer on a third node to the target, its copies to the node next to the target's. */
export class Scene {
  readonly web: Pod;
  readonly sender: Pod;
  readonly receiver: Pod;
  /** The destination. */
  readonly node: NodeName;
  readonly ifname: string;
  readonly #sandbox: Sandbox;
  readonly #peer: Pod;
  readonly #args: readonly string[];
  #flow: Flow;

  /** Taps the target, whose traffic then begins. */
  static async start(sandbox: Sandbox, web: Pod, peer: Pod): Promise<Scene> {
    const node = nextTo(web.node);
    const ifname = `${sandbox.ifname}${nodes.indexOf(web.node)}`;
    const args = [`--pod=${web.name}`, `--dest-node=${node}`, `--ifname=${ifname}`];
    const [sender = '', receiver = ''] = await sandbox.tap(...args);
    const agents = { sender: sandbox.pod(sender, web.node), receiver: sandbox.pod(receiver, node) };
    const flow = await sandbox.startFlow(peer, web, perSecond);
    return new Scene(sandbox, { web, peer, ...agents }, { node, ifname, args }, flow);
  }

  private constructor(
    sandbox: Sandbox,
    pods: Pick<Scene, 'web' | 'sender' | 'receiver'> & { peer: Pod },
    tap: Pick<Scene, 'node' | 'ifname'> & { args: readonly string[] },
    flow: Flow,
  ) {
    this.web = pods.web;
    this.sender = pods.sender;
    this.receiver = pods.receiver;
    this.node = tap.node;
    this.ifname = tap.ifname;
    this.#sandbox = sandbox;
    this.#peer = pods.peer;
    this.#args = tap.args;
    this.#flow = flow;
  }

  /** Lost is what was sent after the target's end, and nothing before. Goes on with the new target. */
  async expectNewTarget(): Promise<void> {
    const { sent, duplicates, gaps } = await this.#flow.stop();
    expect(duplicates).toBe(0);
    expect(gaps).toEqual([[expect.any(Number), sent - 1]]);
    this.#flow = await this.#sandbox.startFlow(this.#peer, this.web, perSecond);
  }

  /** Ends the traffic, none of which was lost. */
  async expectFlowWhole(): Promise<void> {
    const target = this.web.name;
    expect({ target, ...(await this.#flow.stop()) }).toMatchObject({ target, duplicates: 0, gaps: [] });
  }

  /** Every packet that passed while it was captured is there once, in both directions. */
  async expectCopies(packets: readonly Packet[]): Promise<void> {
    const [here, there] = await Promise.all([this.web.address(), this.#peer.address()]);
    for (const numbers of [flowNumbers(packets, there, here), flowNumbers(packets, here, there)]) {
      expect(numbers.length).toBeGreaterThan(perSecond / 2);
      expect({ target: this.web.name, flaws: flaws(numbers) }).toEqual({ target: this.web.name, flaws: [] });
    }
  }

  /** Ends the tap. */
  async end(): Promise<void> {
    await this.#sandbox.untap(...this.#args);
  }
}
