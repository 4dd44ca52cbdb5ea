import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import type { Typed } from '../commands/command.ts';
import type { Outcome } from '../outcome.ts';
import type { Terminal } from '../surroundings.ts';
import { quote } from '../text.ts';
import { watch } from '../watch.ts';
import { readAccounts } from './accounts.ts';
import { chosenTaps } from './chosenTaps.ts';
import { describeTap, isReady } from './describe.ts';
import { tapList } from './tapList.ts';
import { itemOf } from './taps.ts';

const NOT_READY = 1;

/** `kokotap status`: what is printed, and 0 when all taps are ready. */
export async function status(typed: Typed, cluster: Cluster, terminal: Terminal): Promise<string | Outcome> {
  if (!typed.values.has('--watch')) return look(typed, cluster);
  await watch(async () => (await look(typed, cluster)).text, terminal);
  return '';
}

async function look({ args, values }: Typed, cluster: Cluster): Promise<Outcome> {
  const namespace = values.has('--all-namespaces')
    ? undefined
    : (values.get('--namespace') ?? (await cluster.namespace()));
  const selector = values.get('--selector');
  const taps = (await chosenTaps(cluster.api, args, { namespace, selector })).map(({ tap }) => tap);
  if (taps.length === 0) throw new UserError(noneThere(namespace, selector));
  const readings = await readAccounts(cluster, taps);
  const known = taps.flatMap((tap) => {
    const account = readings.get(tap)?.account;
    return account === undefined ? [] : [{ tap, account }];
  });
  const form = values.get('--output');
  const text =
    form === 'json' || form === 'yaml'
      ? await tapList(
          known.map(({ tap, account }) => Object.assign(itemOf(tap), account)),
          form,
        )
      : known.map(({ tap, account }) => describeTap(tap, account)).join('\n');
  return { exitCode: known.every(({ tap, account }) => isReady(tap, account)) ? 0 : NOT_READY, text };
}

function noneThere(namespace: string | undefined, selector: string | undefined): string {
  const place = namespace === undefined ? 'any namespace' : `namespace ${quote(namespace)}`;
  const labelled = selector === undefined ? '' : ` whose pods have the labels ${quote(selector)}`;
  return `There is no tap in ${place}${labelled}; see: kokotap list -A`;
}
