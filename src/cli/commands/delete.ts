import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError, UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { OF_KUBECTL, OTHER, plain, TAPS_NAMESPACE } from '../flags.ts';
import { quote } from '../text.ts';
import type { CommandDefinition, Typed } from './command.ts';
import { type ListedTap, listTaps } from './taps.ts';

/** A tap's pods have 30 s to take away what they made. */
const LONGEST_MS = 60_000;
const LOOK_MS = 500;

/** `kokotap delete` */
export const DELETE: CommandDefinition = {
  name: 'delete',
  aliases: [],
  usage: '{TAP|pod/NAME ... | -l SELECTOR | --all}',
  about: 'deletes taps, and waits until they are gone',
  completes: 'taps',
  flags: {
    'Which:': [
      TAPS_NAMESPACE,
      plain('-l, --selector <selector>', 'those whose pods have these labels'),
      plain('--all', 'all of the namespace'),
    ],
    'Cluster, by flags of kubectl:': OF_KUBECTL,
    'Other:': OTHER,
  },
  check: ({ args, values }) => {
    const ways = [args.length > 0, values.has('--selector'), values.has('--all')];
    if (ways.filter(Boolean).length !== 1)
      throw new UsageError('Which taps? Give their names (see kokotap list), pod/NAME, -l or --all');
  },
  run: async (typed, { api, namespace }) => {
    const place = typed.values.get('--namespace') ?? (await namespace());
    const found = await listTaps(api, place, typed.values.get('--selector'));
    const taps = chosen(typed, found, place);
    await Promise.all(
      taps.flatMap(({ pods }) => pods.map((name) => api.delete({ kind: 'pods', namespace: place, name }))),
    );
    await gone(api, place, taps);
    return taps.map(({ id }) => `tap/${id} deleted\n`).join('');
  },
};

/** By their ids, with or without `tap/`, or by their targets. */
function chosen({ args }: Typed, found: readonly ListedTap[], namespace: string): readonly ListedTap[] {
  if (args.length === 0) return found;
  return args.flatMap((arg) => {
    const pod = arg.startsWith('pod/') ? arg.slice('pod/'.length) : undefined;
    const named = found.filter(({ id, target }) =>
      pod === undefined ? id === arg.replace(/^tap\//u, '') : target.split('/')[1] === pod,
    );
    if (named.length > 0) return named;
    throw new UserError(
      `There is no tap ${quote(arg)} in namespace ${quote(namespace)}; see: kokotap list -A`,
    );
  });
}

async function gone(api: KubeApi, namespace: string, taps: readonly ListedTap[]): Promise<void> {
  const names = new Set(taps.flatMap(({ pods }) => pods));
  const endMs = performance.now() + LONGEST_MS;
  for (;;) {
    const left = (await listTaps(api, namespace))
      .flatMap(({ pods }) => pods)
      .filter((name) => names.has(name));
    if (left.length === 0) return;
    if (performance.now() > endMs)
      throw new UserError(
        `After ${LONGEST_MS / 1000} s ${left.join(', ')} in namespace ${quote(namespace)} are still there; see: kubectl describe pod -n ${namespace} ${left[0]}`,
      );
    await sleep(LOOK_MS);
  }
}
