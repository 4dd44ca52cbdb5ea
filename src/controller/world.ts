import type { TapResource } from '#src/spec/tapResource.ts';
import { isTargeted } from './decide/membership.ts';
import type { KnownVniList } from './vniLists.ts';
import type { KnownNode, KnownPod, TapPod, TargetPod } from './model.ts';

/**
 * What is known of the cluster, found by what decisions need. Each change says which Taps have to be decided on again, by their
 * UIDs.
 */
export class World {
  readonly nodes = new Map<string, KnownNode>();
  readonly #taps = new Map<string, TapResource>();
  readonly #tapsByNamespace = new Map<string, Set<string>>();
  readonly #podsByNamespace = new Map<string, Map<string, TargetPod>>();
  readonly #tapPods = new Map<string, Map<string, TapPod>>();
  readonly #vniLists = new Map<string, KnownVniList>();
  readonly #vnis = new VniUses();
  readonly #reserved = new Map<string, ReadonlyMap<string, number>>();
  readonly #onDirty: (tapUid: string) => void;

  constructor(onDirty: (tapUid: string) => void) {
    this.#onDirty = onDirty;
  }

  get taps(): Iterable<TapResource> {
    return this.#taps.values();
  }

  tap(uid: string): TapResource | undefined {
    return this.#taps.get(uid);
  }

  podsOf(namespace: string): TargetPod[] {
    return [...(this.#podsByNamespace.get(namespace)?.values() ?? [])];
  }

  tapPodsOf(tapUid: string): TapPod[] {
    return [...(this.#tapPods.get(tapUid)?.values() ?? [])];
  }

  vniListOf(tapUid: string): KnownVniList | undefined {
    return this.#vniLists.get(tapUid);
  }

  /** Whether an endpoint other than this one has a VNI, by what pods say or by a decision that is just carried out. */
  isVniTaken(vni: number, endpointId: string): boolean {
    return this.#vnis.isTaken(vni, endpointId);
  }

  /** Keeps VNIs that a decision has given to a Tap's endpoints until the next decision about it. */
  reserve(tapUid: string, vnis: ReadonlyMap<string, number>): void {
    for (const [id, vni] of this.#reserved.get(tapUid) ?? []) this.#vnis.remove(vni, id);
    for (const [id, vni] of vnis) this.#vnis.add(vni, id);
    if (vnis.size === 0) this.#reserved.delete(tapUid);
    else this.#reserved.set(tapUid, vnis);
  }

  /** Has all Taps decided on again, and all that is left of Taps that are gone. */
  touchAll(): void {
    const uids = [...this.#taps.keys(), ...this.#tapPods.keys(), ...this.#vniLists.keys()];
    for (const uid of new Set(uids)) this.#onDirty(uid);
  }

  changeTap(uid: string, now: TapResource | undefined): void {
    const before = this.#taps.get(uid);
    const namespace = (now ?? before)?.metadata.namespace ?? '';
    if (now === undefined) {
      this.#taps.delete(uid);
      this.#tapsByNamespace.get(namespace)?.delete(uid);
      this.reserve(uid, new Map());
    } else {
      this.#taps.set(uid, now);
      getOrAdd(this.#tapsByNamespace, namespace, () => new Set()).add(uid);
    }
    // A status of the controller's own is no reason to decide.
    const isStatusOnly =
      before !== undefined &&
      now !== undefined &&
      before.metadata.generation === now.metadata.generation &&
      before.metadata.deletionTimestamp === now.metadata.deletionTimestamp;
    if (!isStatusOnly) this.#onDirty(uid);
  }

  changePod(before: KnownPod | undefined, now: KnownPod | undefined): void {
    for (const pod of [before, now]) if (pod?.kind === 'tap pod') this.#onDirty(pod.tapUid);
    this.#index(before, now);
    for (const pod of [before, now]) if (pod?.kind === 'target') this.#touchSelecting(pod);
  }

  changeVniList(before: KnownVniList | undefined, now: KnownVniList | undefined): void {
    // One that is made again under its name may come before the word that the first one is gone.
    if (now !== undefined) this.#vniLists.set(now.tapUid, now);
    else if (before !== undefined && this.#vniLists.get(before.tapUid)?.uid === before.uid)
      this.#vniLists.delete(before.tapUid);
    for (const list of [before, now]) if (list !== undefined) this.#onDirty(list.tapUid);
  }

  changeNode(before: KnownNode | undefined, now: KnownNode | undefined): void {
    if (now !== undefined) this.nodes.set(now.name, now);
    else if (before !== undefined) this.nodes.delete(before.name);
    if (JSON.stringify(before) !== JSON.stringify(now)) this.touchAll();
  }

  #index(before: KnownPod | undefined, now: KnownPod | undefined): void {
    if (before?.kind === 'tap pod') {
      this.#tapPods.get(before.tapUid)?.delete(before.uid);
      for (const [id, vni] of before.vnis) this.#vnis.remove(vni, id);
    } else if (before !== undefined) {
      this.#podsByNamespace.get(before.namespace)?.delete(before.uid);
      for (const [id, vni] of before.vnis) this.#vnis.remove(vni, id);
    }
    if (now?.kind === 'tap pod') {
      getOrAdd(this.#tapPods, now.tapUid, () => new Map<string, TapPod>()).set(now.uid, now);
      for (const [id, vni] of now.vnis) this.#vnis.add(vni, id);
    } else if (now !== undefined) {
      getOrAdd(this.#podsByNamespace, now.namespace, () => new Map<string, TargetPod>()).set(now.uid, now);
      for (const [id, vni] of now.vnis) this.#vnis.add(vni, id);
    }
    if (before?.kind === 'tap pod' && this.#tapPods.get(before.tapUid)?.size === 0)
      this.#tapPods.delete(before.tapUid);
  }

  #touchSelecting(pod: TargetPod): void {
    for (const uid of this.#tapsByNamespace.get(pod.namespace) ?? []) {
      const tap = this.#taps.get(uid);
      if (tap === undefined) continue;
      const { targets, destination } = tap.spec;
      if (destination.podRef?.name === pod.name || isTargeted(targets, pod)) this.#onDirty(uid);
    }
  }
}

/** How often each VNI is used by which endpoint: it is in the lists of both sides. */
class VniUses {
  readonly #uses = new Map<number, Map<string, number>>();

  add(vni: number, id: string): void {
    const uses = getOrAdd(this.#uses, vni, () => new Map<string, number>());
    uses.set(id, (uses.get(id) ?? 0) + 1);
  }

  remove(vni: number, id: string): void {
    const uses = this.#uses.get(vni);
    const left = (uses?.get(id) ?? 0) - 1;
    if (left > 0) uses?.set(id, left);
    else uses?.delete(id);
    if (uses?.size === 0) this.#uses.delete(vni);
  }

  isTaken(vni: number, id: string): boolean {
    const uses = this.#uses.get(vni);
    return uses !== undefined && (uses.size > 1 || !uses.has(id));
  }
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
