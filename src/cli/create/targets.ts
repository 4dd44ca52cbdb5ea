import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Tap } from '#src/spec/tap.ts';
import { Selection } from '../targets/selection.ts';
import { quote } from '../text.ts';
import type { CreateOptions } from './options.ts';

/** Each has a sender and a receiver. */
const MOST_TARGETS = 50;

/** What a tap calls its target. */
export type TargetName = Pick<Tap, 'pod' | 'targetNode'>;

/**
 * The names of the pods and nodes that are to be tapped, each once: those that are named, whether they are there or not, and those of
 * workloads and selectors that run now.
 *
 * @throws {UserError} when there are none, or too many
 */
export async function targetsOf(
  { words, labels }: Pick<CreateOptions, 'words' | 'labels'>,
  api: KubeApi,
  namespace: string,
): Promise<readonly TargetName[]> {
  const named = words.flatMap((word): TargetName[] =>
    word.kind === 'pod'
      ? [{ pod: word.name }]
      : word.kind === 'node'
        ? [{ pod: word.name, targetNode: word.name }]
        : [],
  );
  const others = words.filter(({ kind }) => kind === 'workload');
  const selection = await Selection.of(api, { namespace, words: others, labels, interfaces: [] });
  const found = (await selection.find()).flatMap(({ pod }) =>
    pod === undefined || pod.metadata.deletionTimestamp !== undefined ? [] : [{ pod: pod.metadata.name }],
  );
  const all = [...new Map([...named, ...found].map((each) => [JSON.stringify(each), each])).values()];
  if (all.length === 0)
    throw new UserError(
      `There is nothing to tap in namespace ${quote(namespace)}: none of the targets has a pod on a node`,
    );
  if (all.length > MOST_TARGETS)
    throw new UserError(
      `The targets are ${all.length}, and at most ${MOST_TARGETS} are tapped by one command: name fewer`,
    );
  return all;
}
