import { randomBytes } from 'node:crypto';
import { execa } from 'execa';
import { loadAll } from 'js-yaml';
import { test as base } from 'vitest';
import * as z from 'zod/mini';
import { isOvertaken } from '#src/controller/api/objects.ts';
import { TAP_LABEL, TAP_SELECTOR } from '#src/pods/labels.ts';
import { READINESS_SECONDS } from '#src/pods/podSpec.ts';
import { api, apiText, create, type KubeObject, list, pathOf, type Resource } from './api.ts';
import { fieldOf } from './field.ts';
import {
  adminKubeconfig,
  kokotapProgram,
  kubectl,
  kubectlProgram,
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
    await create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    // Without it no pod can be made.
    const account = pathOf('serviceaccounts', namespace, 'default');
    await until('the namespace has its ServiceAccount', async () => (await api.get(account)) !== undefined);
    return sandbox;
  }

  /** Has something removed at the end, also of a test that fails. The last one said is the first one done. */
  defer(undo: () => Promise<unknown>): void {
    this.#undo.unshift(undo);
  }

  /** What kubectl says, for what only it does, or does as users see it: what the API says takes less time. */
  kubectl(...args: string[]): Promise<string> {
    return kubectl('-n', this.namespace, ...args);
  }

  pod(name: string, node: NodeName): Pod {
    return new Pod(this.namespace, name, node);
  }

  /** Makes an object in the namespace. */
  async create(object: KubeObject): Promise<void> {
    await create(object, this.namespace);
  }

  /** A field of an object of the namespace: see {@link fieldOf}. */
  async field(resource: Resource, name: string, path: string): Promise<string> {
    return fieldOf(await api.get(pathOf(resource, this.namespace, name)), path);
  }

  /** A field of each object of a resource, of those with these labels. */
  async fields(resource: Resource, labelSelector: string, path: string): Promise<string[]> {
    const objects = await list(resource, this.namespace, { labelSelector });
    return objects.map((object) => fieldOf(object, path));
  }

  /** What the container of a pod has written. */
  logs(pod: string): Promise<string> {
    return apiText(`${pathOf('pods', this.namespace, pod)}/log`);
  }

  /** Gives a pod more labels. */
  async label(pod: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await api.merge(pathOf('pods', this.namespace, pod), { metadata: { labels } });
  }

  /** Deletes objects and waits until they are gone. */
  async delete(resource: Resource, ...names: string[]): Promise<void> {
    await deleteAll(names.map((name) => pathOf(resource, this.namespace, name)));
  }

  async createPod(wish: PodWish): Promise<Pod> {
    await this.create(podObject(wish));
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
      const mirror = pathOf('pods', this.namespace, pod.name);
      await until('the mirror pod is gone', async () => (await api.get(mirror)) === undefined);
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

  /** Waits until pods are Ready. */
  async ready(...names: string[]): Promise<void> {
    await this.condition('pods', 'Ready', 'True', ...names);
  }

  /** Waits until objects have a condition with this status. */
  async condition(
    resource: Resource,
    type: string,
    status: 'True' | 'False',
    ...names: string[]
  ): Promise<void> {
    for (const name of names) {
      const path = pathOf(resource, this.namespace, name);
      await until(
        `${name} has the condition ${type}=${status}`,
        async () => {
          const object = conditionedSchema.parse(await api.get(path));
          const found = object.status?.conditions?.find((condition) => condition.type === type);
          if (found?.status !== status) throw new Error(JSON.stringify(object.status));
          return true;
        },
        150_000,
      );
    }
  }

  /** Makes a tap from what kokotap prints, as `kubectl create -f -` does; the names of its pods, which are Ready then. */
  async tap(...args: string[]): Promise<string[]> {
    const names = await this.createTap(...args);
    await this.ready(...names);
    return names;
  }

  /** The same, without waiting for the pods. */
  async createTap(...args: string[]): Promise<string[]> {
    const pods = await this.#manifests(args);
    for (const pod of pods) await create(pod, pod.metadata.namespace);
    return pods.map(({ metadata: { name } }) => name);
  }

  /** Deletes the pods that kokotap prints, as `kubectl delete -f -` does, and waits until they are gone. */
  async untap(...args: string[]): Promise<void> {
    const pods = await this.#manifests(args);
    await deleteAll(pods.map(({ metadata: { namespace, name } }) => pathOf('pods', namespace, name)));
  }

  /** What kokotap prints. */
  async #manifests(args: readonly string[]) {
    const { stdout } = await execa(
      process.execPath,
      [kokotapProgram, '-n', this.namespace, ...slowly, ...this.#withIfname(args)],
      { env: { KUBECONFIG: adminKubeconfig, KUBECTL: kubectlProgram }, timeout: patient(150_000) },
    );
    const pods = z.array(podSchema).parse(loadAll(probedOften(stdout)));
    for (const { metadata } of pods) this.watchTap(metadata.labels[TAP_LABEL]);
    return pods;
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
    return this.field('pods', name, String.raw`.metadata.labels.kokotap\.dev/tap`);
  }

  /** Ends the taps first, and waits for it; the namespace's other pods go by themselves. */
  async destroy(): Promise<void> {
    try {
      for (const undo of this.#undo) await undo();
    } finally {
      const pods = await this.fields('pods', TAP_SELECTOR, '.metadata.name');
      const paths = pods.map((name) => pathOf('pods', this.namespace, name));
      await Promise.all(paths.map(async (path) => remove(path, await uidOf(path))));
      const own = pathOf('namespaces', undefined, this.namespace);
      const uid = await uidOf(own);
      if (uid !== '') await api.delete(own, uid);
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

/** A pod of a tap as kokotap prints it. */
const podSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.literal('Pod'),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    labels: z.looseObject({ [TAP_LABEL]: z.string() }),
  }),
});

const conditionedSchema = z.looseObject({
  status: z.optional(
    z.looseObject({
      conditions: z.optional(z.array(z.looseObject({ type: z.string(), status: z.string() }))),
    }),
  ),
});

/** Deletes objects, all of which are there, and waits until they are gone. */
async function deleteAll(paths: readonly string[]): Promise<void> {
  const found = await Promise.all(paths.map(async (path) => ({ path, uid: await uidOf(path) })));
  const missing = found.find(({ uid }) => uid === '');
  if (missing !== undefined) throw new Error(`there is no ${missing.path}`);
  await Promise.all(found.map(({ path, uid }) => remove(path, uid)));
}

/** Deletes an object unless it is gone already, and waits until it is, or another has taken its place. */
async function remove(path: string, uid: string): Promise<void> {
  if (uid === '') return;
  try {
    await api.delete(path, uid);
  } catch (error) {
    if (!isOvertaken(error)) throw error;
  }
  await until(`${path} is gone`, async () => (await uidOf(path)) !== uid, 150_000);
}

/** Empty where there is no such object. */
async function uidOf(path: string): Promise<string> {
  return fieldOf(await api.get(path), '.metadata.uid');
}

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
