import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Typed } from '../commands/command.ts';
import { inTurns } from '../inTurns.ts';
import { quote } from '../text.ts';
import { type ChosenTap, chosenTaps } from './chosenTaps.ts';
import { type ListedTap, listTaps, resourceOf } from './taps.ts';

/** A tap's pods have 30 s to take away what they made. */
const LONGEST_MS = 60_000;
const LOOK_MS = 500;
/** Targets that are asked for at once. */
const AT_ONCE = 8;

/**
 * `kokotap delete`: what is printed when all pods are gone. Pods of the resource Tap are left alone: its controller would make
 * them again.
 *
 * @throws {UserError} when such a tap is named, or only a part of a tap's targets, or pods stay
 */
export async function deleteTaps({ args, values }: Typed, { api, namespace }: Cluster): Promise<string> {
  const place = values.get('--namespace') ?? (await namespace());
  const chosen = await chosenTaps(api, args, { namespace: place, selector: values.get('--selector') });
  const [resource] = args.length === 0 ? [] : chosen.flatMap(({ tap }) => resourceOf(tap) ?? []);
  if (resource !== undefined)
    throw new UserError(
      `The Tap ${quote(resource.name)} has its pods made again; end it: kubectl delete tap ${resource.name} -n ${resource.namespace}`,
    );
  await Promise.all(chosen.map(async (each) => refusePart(api, each)));
  const taps = chosen.map(({ tap }) => tap).filter((tap) => resourceOf(tap) === undefined);
  await Promise.all(
    taps.flatMap((tap) =>
      tap.pods.map(({ name }) => api.delete({ kind: 'pods', namespace: tap.namespace, name })),
    ),
  );
  await gone(api, place, taps);
  return taps.map(({ id }) => `tap/${id} deleted\n`).join('');
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
