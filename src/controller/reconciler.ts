import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import { TAP_GROUP, TAP_KIND, TAP_VERSION, type TapResource, type TapStatus } from '#src/spec/tapResource.ts';
import { isOvertaken, isRefused, type Objects } from './api/objects.ts';
import { decideTap, removal } from './decide/decideTap.ts';
import type { Change } from './decide/planPods.ts';
import { withRefusals } from './decide/status.ts';
import type { Settings } from './decide/tapPods.ts';
import { recordTransitions } from './events.ts';
import type { FilterProblems } from './filterProblems.ts';
import { ENDPOINTS_ANNOTATION } from '#src/pods/endpointAnnotation.ts';
import { EMPTY_ANNOTATION } from './model.ts';
import type { World } from './world.ts';

/** What a reconciler works with. */
export interface Surroundings {
  readonly world: World;
  readonly objects: Objects;
  readonly filters: FilterProblems;
  readonly settings: Settings;
  readonly log: Logger;
  /** Has what a write was answered with known at once. */
  readonly onPod: (object: unknown) => void;
  readonly onTap: (object: unknown) => void;
  readonly onVniList: (object: unknown) => void;
  /** Whether this process may write: nobody else leads. */
  readonly mayWrite: () => boolean;
  /** Has a Tap decided on again. */
  readonly later: (tapUid: string, delayMs: number) => void;
}

/** A status is written so often at most. */
const STATUS_EVERY_MS = 5000;

/** Brings the pods of one Tap after the other to what they should be, and says so in the Tap's status. */
export class Reconciler {
  readonly #with: Surroundings;
  readonly #statusWrittenMs = new Map<string, number>();

  constructor(surroundings: Surroundings) {
    this.#with = surroundings;
  }

  /** Decides on a Tap, or on the pods of one that is gone, and does it. */
  async reconcile(tapUid: string): Promise<void> {
    const { world, filters, settings, later } = this.#with;
    const filterProblem = await filters.of(world.tap(tapUid)?.spec.filter);
    const tap = world.tap(tapUid);
    const tapPods = world.tapPodsOf(tapUid);
    const vniList = world.vniListOf(tapUid);
    if (tap === undefined) {
      this.#statusWrittenMs.delete(tapUid);
      await this.#change(removal(tapPods, vniList));
      return;
    }
    const decision = decideTap({
      tap,
      pods: world.podsOf(tap.metadata.namespace),
      nodes: world.nodes,
      tapPods,
      vniList,
      isVniTaken: (vni, id) => world.isVniTaken(vni, id),
      filterProblem,
      nowMs: Date.now(),
      settings,
    });
    world.reserve(tapUid, decision.vnis);
    const refused = await this.#change(decision.changes, tap);
    if (decision.status !== undefined) await this.#tell(tap, withRefusals(decision.status, refused));
    const [first] = refused.values();
    // It is tried again later: a quota may be raised.
    if (first !== undefined) throw new Error(first);
    if (decision.againInMs !== undefined) later(tapUid, decision.againInMs);
  }

  /** @returns why pods are refused, by their names */
  async #change(changes: readonly Change[], tap?: TapResource): Promise<ReadonlyMap<string, string>> {
    const refused = new Map<string, string>();
    await Promise.all(
      changes.map(async (change) => {
        try {
          await this.#do(change, tap);
        } catch (error) {
          if (change.do !== 'create' || !isRefused(error)) throw error;
          refused.set(change.name, messageOf(error));
        }
      }),
    );
    return refused;
  }

  async #do(change: Change, tap: TapResource | undefined): Promise<void> {
    const { objects, settings, onPod, onVniList, log, mayWrite } = this.#with;
    if (!mayWrite()) throw new Error('another process may lead by now');
    const place = `/api/v1/namespaces/${settings.namespace}`;
    const [pods, lists] = [`${place}/pods`, `${place}/configmaps`];
    log.info({ ...shown(change), tap: tap && nameOf(tap) }, change.do);
    try {
      switch (change.do) {
        case 'create':
          onPod(await objects.create(pods, change.manifest));
          break;
        case 'set endpoints':
          onPod(await objects.merge(`${pods}/${change.name}`, newList(change)));
          break;
        case 'delete':
          onPod(await objects.delete(`${pods}/${change.name}`, change.uid));
          break;
        case 'apply VNI list':
          onVniList(await objects.apply(`${lists}/${change.name}`, change.manifest));
          break;
        case 'delete VNI list':
          await objects.delete(`${lists}/${change.name}`, change.uid);
          break;
        case 'delete tap':
          if (tap !== undefined) await objects.delete(pathOf(tap), change.uid);
      }
    } catch (error) {
      // The watch will say what somebody else has done, and with that the Tap is decided on again.
      if (!isOvertaken(error)) throw error;
      log.info({ ...shown(change), reason: String(error) }, 'overtaken');
    }
  }

  async #tell(tap: TapResource, status: TapStatus): Promise<void> {
    const { objects, log, later, onTap } = this.#with;
    const { uid, name, namespace } = tap.metadata;
    // As the API gives it back: without what is undefined.
    const said: TapStatus = JSON.parse(JSON.stringify(status));
    if (isDeepStrictEqual(said, tap.status)) return;
    const nowMs = performance.now();
    const waitMs = (this.#statusWrittenMs.get(uid) ?? -Infinity) + STATUS_EVERY_MS - nowMs;
    if (waitMs > 0) {
      later(uid, waitMs);
      return;
    }
    this.#statusWrittenMs.set(uid, nowMs);
    const apiVersion = `${TAP_GROUP}/${TAP_VERSION}`;
    const object = { apiVersion, kind: TAP_KIND, metadata: { name, namespace, uid }, status: said };
    try {
      onTap(await objects.apply(`${pathOf(tap)}/status`, object));
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      return;
    }
    await recordTransitions(tap, said, objects, log);
  }
}

function newList({ uid, endpoints, emptySince }: Extract<Change, { do: 'set endpoints' }>) {
  return {
    metadata: {
      uid,
      annotations: { [ENDPOINTS_ANNOTATION]: endpoints, [EMPTY_ANNOTATION]: emptySince },
    },
  };
}

function shown(change: Change): object {
  return 'name' in change ? { name: change.name } : {};
}

function nameOf({ metadata: { namespace, name } }: TapResource): string {
  return `${namespace}/${name}`;
}

function pathOf({ metadata: { namespace, name } }: TapResource): string {
  return `/apis/${TAP_GROUP}/${TAP_VERSION}/namespaces/${namespace}/taps/${name}`;
}
