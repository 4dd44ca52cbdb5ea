import { decideTap, type Decision, removal } from '#src/controller/decide/decideTap.ts';
import type { Change } from '#src/controller/decide/planPods.ts';
import type { Settings } from '#src/controller/decide/tapPods.ts';
import { type KnownNode, readNode, readPod, type TapPod } from '#src/controller/model.ts';
import { type KnownVniList, readVniList } from '#src/controller/vniLists.ts';
import { World } from '#src/controller/world.ts';
import { type TapResource, tapResourceSchema } from '#src/spec/tapResource.ts';

export const ownNamespace = 'kokotap';

const settings: Settings = {
  namespace: ownNamespace,
  image: 'localhost/kokotap:1',
  imagePullSecret: undefined,
  requests: {},
  limits: {},
  owner: undefined,
};

interface RawPod {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    [more: string]: unknown;
  };
  spec: { nodeName?: string | undefined; [more: string]: unknown };
  status?: object;
}

/**
 * A cluster in memory: what the API server and the kubelets do with what is decided. Its objects are read with the functions that
 * read those of the API.
 */
export class Cluster {
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  readonly dirty = new Set<string>();
  readonly world = new World((uid) => this.dirty.add(uid));
  readonly #pods = new Map<string, RawPod>();
  readonly #vniLists = new Map<string, KnownVniList>();
  #version = 0;
  /** The last decision about each Tap. */
  readonly decisions = new Map<string, Decision>();

  node(name: string, index: number, more: object = {}): KnownNode {
    const node = readNode({
      metadata: { name },
      status: {
        addresses: [{ type: 'InternalIP', address: `192.0.2.${index + 1}` }],
        conditions: [{ type: 'Ready', status: 'True' }],
        nodeInfo: {
          kubeletVersion: 'v1.34.0',
          architecture: 'amd64',
          operatingSystem: 'linux',
          kernelVersion: '6.1',
        },
        ...more,
      },
    });
    if (node === undefined) throw new Error('a node that cannot be read');
    this.world.changeNode(this.world.nodes.get(name), node);
    return node;
  }

  removeNode(name: string): void {
    this.world.changeNode(this.world.nodes.get(name), undefined);
  }

  /** Makes or changes a pod, by its UID. */
  pod(
    namespace: string,
    name: string,
    uid: string,
    nodeName: string | undefined,
    more: Partial<RawPod> = {},
  ): void {
    this.#set({
      metadata: {
        name,
        namespace,
        uid,
        resourceVersion: '0',
        creationTimestamp: '2026-01-01T00:00:00Z',
        labels: { app: 'web' },
      },
      spec: { nodeName },
      status: { phase: 'Running' },
      ...more,
    });
  }

  removePod(uid: string): void {
    const before = this.#pods.get(uid);
    this.#pods.delete(uid);
    if (before !== undefined) this.world.changePod(readPod(before, ownNamespace), undefined);
  }

  tap(uid: string, namespace: string, name: string, spec: object, generation = 1): TapResource {
    const creationTimestamp = '2026-01-01T00:00:00Z';
    const tap = tapResourceSchema.parse({
      metadata: { name, namespace, uid, generation, creationTimestamp },
      spec,
    });
    this.world.changeTap(uid, tap);
    return tap;
  }

  removeTap(uid: string): void {
    this.world.changeTap(uid, undefined);
  }

  /** Decides on one Tap, and does at most so many of the changes: a controller may be killed between two. */
  step(uid: string, most = Infinity): readonly Change[] {
    this.dirty.delete(uid);
    const tap = this.world.tap(uid);
    const tapPods = this.world.tapPodsOf(uid);
    const decision =
      tap === undefined
        ? {
            changes: removal(tapPods, this.world.vniListOf(uid)),
            status: undefined,
            vnis: new Map<string, number>(),
            againInMs: undefined,
          }
        : decideTap({
            tap,
            pods: this.world.podsOf(tap.metadata.namespace),
            nodes: this.world.nodes,
            tapPods,
            vniList: this.world.vniListOf(uid),
            isVniTaken: (vni, id) => this.world.isVniTaken(vni, id),
            filterProblem: undefined,
            nowMs: this.nowMs,
            settings,
          });
    if (tap !== undefined) this.world.reserve(uid, decision.vnis);
    this.decisions.set(uid, decision);
    const done = decision.changes.slice(0, most);
    for (const change of done) this.#do(change);
    return decision.changes;
  }

  /** Decides until nothing is to be done any more. */
  settle(): void {
    for (let rounds = 0; this.dirty.size > 0; rounds++) {
      if (rounds > 50) throw new Error('it does not come to rest');
      for (const uid of this.dirty) this.step(uid);
      this.kubelets();
    }
  }

  /** Pods that are being deleted go, and the others become Ready. */
  kubelets(): void {
    for (const [uid, raw] of this.#pods) {
      const pod = readPod(raw, ownNamespace);
      if (pod?.kind !== 'tap pod') continue;
      if (pod.isEnding) this.removePod(uid);
      else if (!pod.isReady)
        this.#set({
          ...raw,
          status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
        });
    }
  }

  /** A controller that knows nothing but what the API has. */
  restarted(): Cluster {
    const other = new Cluster();
    other.nowMs = this.nowMs;
    // The API server goes on, and gives no UID twice.
    other.#version = this.#version;
    for (const node of this.world.nodes.values()) other.world.changeNode(undefined, node);
    for (const tap of this.world.taps) other.world.changeTap(tap.metadata.uid, tap);
    for (const raw of this.#pods.values()) other.#set(raw);
    for (const list of this.#vniLists.values()) other.#setVniList(list);
    other.world.touchAll();
    return other;
  }

  get tapPods(): TapPod[] {
    return [...this.#pods.values()].flatMap((raw) => {
      const pod = readPod(raw, ownNamespace);
      return pod?.kind === 'tap pod' ? [pod] : [];
    });
  }

  get vniLists(): KnownVniList[] {
    return [...this.#vniLists.values()];
  }

  manifest(name: string): RawPod | undefined {
    return [...this.#pods.values()].find(({ metadata }) => metadata.name === name);
  }

  #set(raw: RawPod): void {
    const { uid } = raw.metadata;
    const before = this.#pods.get(uid);
    const versioned = { ...raw, metadata: { ...raw.metadata, resourceVersion: String(++this.#version) } };
    this.#pods.set(uid, versioned);
    this.world.changePod(before && readPod(before, ownNamespace), readPod(versioned, ownNamespace));
  }

  #setVniList(list: KnownVniList): void {
    const before = this.#vniLists.get(list.name);
    this.#vniLists.set(list.name, list);
    this.world.changeVniList(before, list);
  }

  #do(change: Change): void {
    if (change.do === 'delete tap') {
      this.removeTap(change.uid);
      return;
    }
    if (change.do === 'apply VNI list') {
      const made: { metadata: object } = JSON.parse(JSON.stringify(change.manifest));
      const uid = this.#vniLists.get(change.name)?.uid ?? `list-${++this.#version}`;
      const list = readVniList({ ...made, metadata: { ...made.metadata, uid } });
      if (list === undefined) throw new Error('a list of VNIs that cannot be read');
      this.#setVniList(list);
      return;
    }
    if (change.do === 'delete VNI list') {
      const list = this.#vniLists.get(change.name);
      if (list?.uid !== change.uid) throw new Error(`${change.name} is another ConfigMap`);
      this.#vniLists.delete(change.name);
      this.world.changeVniList(list, undefined);
      return;
    }
    const before = this.manifest(change.name);
    if (change.do === 'create') {
      if (before !== undefined) throw new Error(`${change.name} is there already`);
      const made: RawPod = JSON.parse(JSON.stringify(change.manifest));
      const uid = `pod-${++this.#version}`;
      this.#set({ ...made, metadata: { ...made.metadata, uid, creationTimestamp: '2026-01-01T00:00:00Z' } });
      return;
    }
    if (before?.metadata.uid !== change.uid) throw new Error(`${change.name} is another pod`);
    const { metadata } = before;
    if (change.do === 'delete') {
      this.#set({ ...before, metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
      return;
    }
    const annotations = { ...Object(metadata['annotations']), 'kokotap.dev/endpoints': change.endpoints };
    if (change.emptySince === null) delete annotations['kokotap.dev/empty-since'];
    else annotations['kokotap.dev/empty-since'] = change.emptySince;
    this.#set({ ...before, metadata: { ...metadata, annotations } });
  }
}
