import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Typed } from '../commands/command.ts';
import { inTurns } from '../inTurns.ts';
import { quote } from '../text.ts';
import { parseTarget } from '../targets/targetWord.ts';
import { type ChosenTap, chosenTaps } from './chosenTaps.ts';
import { deleteTapObject, findTapObject } from './tapObjects.ts';
import { type ListedTap, listTaps, resourceOf } from './taps.ts';

/** A tap's pods have 30 s to take away what they made. */
const LONGEST_MS = 60_000;
const LOOK_MS = 500;
/** Targets that are asked for at once. */
const AT_ONCE = 8;

/**
 * `kokotap delete`: what is printed when all pods are gone. Of Taps that the cluster keeps the object is deleted, where they are
 * named: -l and --all leave them alone.
 *
 * @throws {UserError} when only a part of a tap's targets is named, or pods stay
 */
export async function deleteTaps({ args, values }: Typed, { api, namespace }: Cluster): Promise<string> {
  const place = values.get('--namespace') ?? (await namespace());
  const named = await Promise.all(args.map(async (word) => objectOf(api, word, place)));
  const objects = named.filter((object) => object !== undefined);
  const words = args.filter((_, index) => named[index] === undefined);
  const areAll = objects.length > 0 && words.length === 0;
  const query = { namespace: place, selector: values.get('--selector') };
  const chosen = areAll ? [] : await chosenTaps(api, words, query);
  await Promise.all(chosen.map(async (each) => refusePart(api, each)));
  // An id of their pods names them too.
  const others = args.length === 0 ? [] : chosen.flatMap(({ tap }) => resourceOf(tap) ?? []);
  for (const other of others)
    if (!objects.some((object) => isDeepStrictEqual(object, other))) objects.push(other);
  const taps = chosen.map(({ tap }) => tap).filter((tap) => resourceOf(tap) === undefined);
  const kept = objects.length === 0 ? [] : await listTaps(api, { namespace: place });
  const ending = kept.filter((tap) => objects.some((object) => isDeepStrictEqual(object, resourceOf(tap))));
  await Promise.all(objects.map(async (object) => deleteTapObject(api, object)));
  await Promise.all(
    taps.flatMap((tap) =>
      tap.pods.map(({ name }) => api.delete({ kind: 'pods', namespace: tap.namespace, name })),
    ),
  );
  await gone(api, place, [...taps, ...ending]);
  const names = [...objects.map(({ name }) => name), ...taps.map(({ id }) => id)];
  return names.map((name) => `tap/${name} deleted\n`).join('');
}

/** The Tap that a word names as kubectl does. */
async function objectOf(api: KubeApi, word: string, namespace: string) {
  const { kind, name } = parseTarget(word);
  const found = kind === 'tap' ? await findTapObject(api, namespace, name) : undefined;
  return found && { namespace, name };
}

/** Nobody loses the copies of a target that was not named. One that is gone has none. */
async function refusePart(api: KubeApi, { tap, targets }: ChosenTap): Promise<void> {
  if (targets === undefined) return;
  const others = tap.targets.filter((each) => !targets.includes(each));
  const there = await inTurns(AT_ONCE, others, async (target) => {
    const [kind, namespace = '', name = ''] = target.split('/');
    return kind !== 'pod' || (await api.getPod(namespace, name)) !== undefined ? [target] : [];
  });
  const left = there.flat();
  if (left.length > 0)
    throw new UserError(
      `${targets.join(' and ')} is tapped together with ${left.join(' and ')}: name all of them, or the tap: kokotap delete -n ${tap.namespace} tap/${tap.id}`,
    );
}

async function gone(api: KubeApi, namespace: string, taps: readonly ListedTap[]): Promise<void> {
  const names = new Set(taps.flatMap(podsOf));
  const endMs = performance.now() + LONGEST_MS;
  for (;;) {
    const left = (await listTaps(api, { namespace })).flatMap(podsOf).filter((name) => names.has(name));
    const [first] = left;
    if (first === undefined) return;
    if (performance.now() > endMs)
      throw new UserError(
        `After ${LONGEST_MS / 1000} s ${left.map(quote).join(', ')} are still there; see: kubectl describe pod -n ${first.replace('/', ' ')}`,
      );
    await sleep(LOOK_MS);
  }
}

function podsOf({ namespace, pods }: ListedTap): string[] {
  return pods.map(({ name }) => `${namespace}/${name}`);
}
