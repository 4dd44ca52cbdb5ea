import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { Selection } from '../targets/selection.ts';
import { parseTarget } from '../targets/targetWord.ts';
import { tapResourceId } from '#src/spec/tapResource.ts';
import { quote } from '../text.ts';
import { findTapObject } from './tapObjects.ts';
import { type ListedTap, listTaps, type TapQuery } from './taps.ts';

/** A tap, and by which of its targets it was named; undefined: by its id, or not at all. */
export interface ChosenTap {
  readonly tap: ListedTap;
  readonly targets: readonly string[] | undefined;
}

/**
 * The taps that words of the command line name: by their ids, with or without `tap/`, or by their targets. All of the
 * namespace where there are no words.
 *
 * @param query without a namespace words are ids
 * @throws {UserError} for a word that no tap is named by
 */
export async function chosenTaps(
  api: KubeApi,
  words: readonly string[],
  query: TapQuery,
): Promise<readonly ChosenTap[]> {
  const found = await listTaps(api, query);
  if (words.length === 0) return found.map((tap) => ({ tap, targets: undefined }));
  const chosen = await Promise.all(words.map(async (word) => named(api, word, query.namespace, found)));
  const byTap = Map.groupBy(chosen.flat(), ({ tap }) => tap);
  return [...byTap].map(([tap, each]) => {
    const isWhole = each.some(({ targets }) => targets === undefined);
    return { tap, targets: isWhole ? undefined : each.flatMap(({ targets }) => targets ?? []) };
  });
}

/** The pods of a Tap that is named as kubectl names it. */
async function podsOfTap(
  api: KubeApi,
  namespace: string,
  name: string,
  found: readonly ListedTap[],
): Promise<readonly ChosenTap[]> {
  const object = await findTapObject(api, namespace, name);
  if (object === undefined) throw noTap(`tap/${name}`, namespace);
  const taps = found.filter(({ id }) => id === tapResourceId(object.metadata.uid));
  if (taps.length > 0) return taps.map((tap) => ({ tap, targets: undefined }));
  const ready = object.status.conditions?.find(({ type }) => type === 'Ready');
  throw new UserError(
    `The Tap ${quote(name)} has no pods: ${ready?.message ?? 'the controller has not looked at it'}; see: kubectl describe tap -n ${namespace} ${name}`,
  );
}

function noTap(word: string, namespace: string): UserError {
  return new UserError(
    `There is no tap ${quote(word)} in namespace ${quote(namespace)}; see: kokotap list -A`,
  );
}

async function named(
  api: KubeApi,
  word: string,
  namespace: string | undefined,
  found: readonly ListedTap[],
): Promise<readonly ChosenTap[]> {
  const byId = found.filter(({ id }) => id === word.replace(/^tap\//u, ''));
  if (byId.length > 0) return byId.map((tap) => ({ tap, targets: undefined }));
  if (namespace === undefined)
    throw new UserError(`There is no tap ${quote(word)} in any namespace; see: kokotap list -A`);
  const target = parseTarget(word);
  if (target.kind === 'tap') return podsOfTap(api, namespace, target.name, found);
  const targets = new Set<string>();
  if (target.kind === 'pod') targets.add(`pod/${namespace}/${target.name}`);
  else if (target.kind === 'node') targets.add(`node/${target.name}`);
  else if (target.kind === 'workload') {
    const selection = await Selection.of(api, {
      namespace,
      words: [target],
      labels: undefined,
      interfaces: [],
    });
    for (const { pod } of await selection.find())
      if (pod !== undefined) targets.add(`pod/${pod.metadata.namespace}/${pod.metadata.name}`);
  }
  const ofTarget = tapping(found, (each) => targets.has(each));
  if (ofTarget.length > 0) return ofTarget;
  // The namespace may be that of the tap's pods only.
  const ofName = tapping(found, (each) => {
    const [kind, , name] = each.split('/');
    return target.kind === 'pod' && kind === 'pod' && name === target.name;
  });
  const possible = [...new Set(ofName.flatMap((chosen) => chosen.targets ?? []))];
  if (possible.length > 1)
    throw new UserError(
      `${quote(word)} may be ${possible.map(quote).join(' or ')}: give the namespace of the target with -n, or the taps' ids (see kokotap list)`,
    );
  if (ofName.length > 0) return ofName;
  throw noTap(word, namespace);
}

function tapping(taps: readonly ListedTap[], isMeant: (target: string) => boolean): ChosenTap[] {
  return taps
    .map((tap) => ({ tap, targets: tap.targets.filter(isMeant) }))
    .filter(({ targets }) => targets.length > 0);
}
