import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { Selection } from '../targets/selection.ts';
import { parseTarget } from '../targets/targetWord.ts';
import { quote } from '../text.ts';
import { isNode, type ListedTap, listTaps } from './taps.ts';

/**
 * The taps that words of the command line name: by their ids, with or without `tap/`, or by their targets. All of the namespace
 * where there are no words.
 *
 * @param selector of the taps' pods
 * @throws {UserError} for a word that no tap is named by
 */
export async function chosenTaps(
  api: KubeApi,
  words: readonly string[],
  namespace: string,
  selector?: string,
): Promise<readonly ListedTap[]> {
  const found = await listTaps(api, { namespace, selector });
  if (words.length === 0) return found;
  const chosen = await Promise.all(words.map(async (word) => named(api, word, namespace, found)));
  return [...new Set(chosen.flat())];
}

async function named(
  api: KubeApi,
  word: string,
  namespace: string,
  found: readonly ListedTap[],
): Promise<readonly ListedTap[]> {
  const byId = found.filter(({ id }) => id === word.replace(/^tap\//u, ''));
  if (byId.length > 0) return byId;
  const target = parseTarget(word);
  const targets = new Set<string>();
  if (target.kind === 'pod') targets.add(`${namespace}/${target.name}`);
  else if (target.kind === 'node') targets.add(`node/${target.name}`);
  else if (target.kind === 'workload') {
    const selection = await Selection.of(api, {
      namespace,
      words: [target],
      labels: undefined,
      interfaces: [],
    });
    for (const each of await selection.find()) targets.add(each.target.name);
  }
  const ofTarget = found.filter((tap) => targets.has(tap.target));
  if (ofTarget.length > 0) return ofTarget;
  // The namespace may be that of the tap's pods only.
  const ofName = found.filter(
    (tap) => target.kind === 'pod' && !isNode(tap) && tap.target.split('/')[1] === target.name,
  );
  const possible = [...new Set(ofName.map((tap) => tap.target))];
  if (possible.length > 1)
    throw new UserError(
      `${quote(word)} may be ${possible.map(quote).join(' or ')}: give the namespace of the target with -n, or the taps' ids (see kokotap list)`,
    );
  if (ofName.length > 0) return ofName;
  throw new UserError(
    `There is no tap ${quote(word)} in namespace ${quote(namespace)}; see: kokotap list -A`,
  );
}
