import { randomBytes } from 'node:crypto';
import { execa } from 'execa';
import { test as base } from 'vitest';
import { TAP_LABEL, TAP_SELECTOR } from '#src/pods/labels.ts';
import { READINESS_SECONDS } from '#src/pods/podSpec.ts';
import {
  adminKubeconfig,
  kokotapProgram,
  kubectl,
  kubectlProgram,
  kubectlWith,
  type NodeName,
  nodes,
  scriptOnNode,
} from './lab.ts';
import { Flow } from './flow.ts';
import { Pod, podObject, type PodWish } from './pod.ts';
import { patient } from './patient.ts';
import { nodeSnapshot, podSnapshot, traces, tracesOf } from './traces.ts';
import { until } from './until.ts';

/**
 * What a test makes in the cluster: a namespace of its own, taps whose devices have a name of their own, and whatever else
 * it says how to remove. Tests run side by side: one must not see or disturb what another has made.
 */
export class Sandbox {
  readonly #suffix = randomBytes(3).toString('hex');
  readonly namespace: string = `kokotap-test-${this.#suffix}`;
  /** The name of its taps' devices, unless a tap is given another: this one with a digit behind it is the sandbox's own too. */
  readonly ifname: string = `mirror-${this.#suffix}`;
  /** Not in any other sandbox's use: tests that tap with a VNI of their choice take this one. */
  readonly vni: number = Number.parseInt(this.#suffix, 16) || 1;
  readonly #tapIds = new Set<string>();
  readonly #undo: (() => Promise<unknown>)[] = [];

  static async create(): Promise<Sandbox> {
    const sandbox = new Sandbox();
    const { namespace } = sandbox;
    await kubectl('create', 'namespace', namespace);
    // Without it no pod can be made.
    await until('the namespace has its ServiceAccount', async () => {
      await sandbox.kubectl('get', 'serviceaccount', 'default');
      return true;
    });
    return sandbox;
  }

  /** Has something removed at the end, also of a test that fails. The last one said is the first one done. */
  defer(undo: () => Promise<unknown>): void {
    this.#undo.unshift(undo);
  }

  kubectl(...args: string[]): Promise<string> {
    return kubectl('-n', this.namespace, ...args);
  }

  pod(name: string, node: NodeName): Pod {
    return new Pod(this.namespace, name, node);
  }

  async createPod(wish: PodWish): Promise<Pod> {
    // The API server refuses what is wrong, and kubectl need not read the schema of all objects for that.
    await kubectlWith(podObject(wish), 'create', '--validate=false', '-n', this.namespace);
    return this.pod(wish.name, wish.node);
  }

  /** Makes a pod and waits until it is Ready. */
  async startPod(wish: PodWish): Promise<Pod> {
    const pod = await this.createPod(wish);
    await this.ready(wish.name);
    return pod;
  }

  /** Starts a flow without an end, which the end of the test is, unless it is stopped before. */
  async startFlow(from: Pod, to: Pod, perSecond: number): Promise<Flow> {
    const flow = await Flow.start(from, to, perSecond);
    this.defer(() => flow.stop());
    return flow;
  }

  /** Puts a manifest into the folder that the node's kubelet reads; the pod, by its name in the API. */
  async startStaticPod(name: string, node: NodeName, uid?: string): Promise<Pod> {
    const { metadata, spec, ...rest } = podObject({ name, node });
    const manifest = { ...rest, metadata: { ...metadata, namespace: this.namespace, uid }, spec };
    const file = `/etc/kubernetes/manifests/${this.namespace}-${name}.json`;
    const pod = this.pod(`${name}-${node}`, node);
    this.defer(async () => {
      await scriptOnNode(node, 'rm -f "$1"', file);
      await until('the mirror pod is gone', async () => {
        const found = await this.kubectl('get', 'pod', pod.name, '--ignore-not-found');
        return found === '';
      });
    });
    // The kubelet must not read half of it.
    await scriptOnNode(
      node,
      'new=$(mktemp) && echo "$2" >"$new" && mv "$new" "$1"',
      file,
      JSON.stringify(manifest),
    );
    await until('the mirror pod is there', async () => (await pod.field('.metadata.name')) === pod.name);
    await this.ready(pod.name);
    return pod;
  }

  async ready(...names: string[]): Promise<void> {
    const pods = names.map((name) => `pod/${name}`);
    const wait = () => this.kubectl('wait', '--for=condition=Ready', `--timeout=${patient(150)}s`, ...pods);
    // On a busy machine the API server says at first that a pod that it has just taken is not there.
    await until('the pods are Ready', async () => (await wait()) !== '', 10_000);
  }

  /** `kokotap … | kubectl create -f -`; the names of the pods made, which are Ready then. */
  async tap(...args: string[]): Promise<string[]> {
    const names = await this.createTap(...args);
    await this.ready(...names);
    return names;
  }

  /** The same, without waiting for the pods. */
  async createTap(...args: string[]): Promise<string[]> {
    const { stdout } = await this.#pipe('create', args);
    return [...stdout.matchAll(/^pod\/(\S+) created$/gm)].flatMap(([, name]) => name ?? []);
  }

  /** `kokotap … | kubectl delete -f -`, after which the pods are gone. */
  async untap(...args: string[]): Promise<{ stdout: string; warning: string }> {
    return this.#pipe('delete', args);
  }

  async #pipe(
    verb: 'create' | 'delete',
    args: readonly string[],
  ): Promise<{ stdout: string; warning: string }> {
    const { stdout: manifests, stderr: warning } = await execa(
      process.execPath,
      [kokotapProgram, '-n', this.namespace, ...slowly, ...this.#withIfname(args)],
      { env: { KUBECONFIG: adminKubeconfig, KUBECTL: kubectlProgram }, timeout: patient(150_000) },
    );
    const { stdout } = await kubectlWith(probedOften(manifests), verb);
    for (const [, id = ''] of manifests.matchAll(tapLabel)) this.watchTap(id);
    return { stdout, warning };
  }

  /** Has {@link snapshot} and {@link traces} look for a tap too that the sandbox has not made itself. */
  watchTap(tapId: string): void {
    this.#tapIds.add(tapId);
  }

  /** A tap's flags, and the sandbox's own name for its devices unless they have one. */
  #withIfname(args: readonly string[]): string[] {
    return args.some((arg) => arg.startsWith('--ifname=')) ? [...args] : [`--ifname=${this.ifname}`, ...args];
  }

  /**
   * Everything that the sandbox's taps of these pods can change: the pods' networks, and on all nodes the nodes' own
   * devices, the pods' cables, and devices, filters and tables of the taps. What one of other sandboxes' taps leaves shows
   * in their own tests and in the sweep that ends a run.
   */
  async snapshot(...pods: readonly Pod[]): Promise<Record<string, string>> {
    const pattern = this.#traces();
    const entries = await Promise.all([
      ...pods.map(async (pod) => [`pod ${pod.name}`, await podSnapshot(pod)] as const),
      ...nodes.map(async (node) => [node, await nodeSnapshot(node, pods, pattern)] as const),
    ]);
    return Object.fromEntries(entries);
  }

  /** What the sandbox's taps have on the nodes, in whatever network namespace, a line each. */
  traces(): Promise<string[]> {
    return traces(this.#traces());
  }

  #traces(): string {
    return [`: ${this.ifname}[0-9]?[@:]`, ...tracesOf(this.#tapIds)].join('|');
  }

  /** The id of the tap that a pod belongs to. */
  tapId(name: string): Promise<string> {
    return this.kubectl('get', 'pod', name, '-o', String.raw`jsonpath={.metadata.labels.kokotap\.dev/tap}`);
  }

  /** Ends the taps first, and waits for it; the namespace's other pods go by themselves. */
  async destroy(): Promise<void> {
    try {
      for (const undo of this.#undo) await undo();
    } finally {
      await this.kubectl('delete', 'pods', `--selector=${TAP_SELECTOR}`);
      await kubectl('delete', 'namespace', this.namespace, '--wait=false');
    }
  }
}

/**
 * The manifests with a shorter period of the readiness probe: a test that waits until a tap is Ready again need not wait
 * as long as users do. What the period is for them is a matter of test/cli/manifests.test.ts.
 */
function probedOften(text: string): string {
  const periodSeconds = Math.min(READINESS_SECONDS, patient(3));
  return text.replaceAll(`periodSeconds: ${READINESS_SECONDS}\n`, `periodSeconds: ${periodSeconds}\n`);
}

/** A slow machine's API server takes longer to answer than kokotap waits by itself. */
const slowly = patient(1) > 1 ? [`--request-timeout=${patient(8)}s`] : [];

/** In the manifests of a tap. */
const tapLabel = new RegExp(`^ +${TAP_LABEL}: ['"]?([0-9a-f]{12})['"]?$`, 'gm');

/** A test with a namespace of its own. */
export const test = base.extend<{ sandbox: Sandbox }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest wants to see what a fixture uses
  sandbox: async ({}, use) => {
    const sandbox = await Sandbox.create();
    try {
      await use(sandbox);
    } finally {
      await sandbox.destroy();
    }
  },
});

/** A pod to be tapped on node-a, and one on node-b that it talks to. */
export async function pair(sandbox: Sandbox): Promise<{ web: Pod; peer: Pod }> {
  const [web, peer] = await Promise.all([
    sandbox.startPod({ name: 'web', node: 'node-a' }),
    sandbox.startPod({ name: 'peer', node: 'node-b' }),
  ]);
  return { web, peer };
}
