import type { Cluster } from '#src/kube/cluster.ts';
import { targetsText } from '#src/pods/labels.ts';
import type { Typed } from '../commands/command.ts';
import type { Terminal } from '../surroundings.ts';
import { table } from '../table.ts';
import { watch } from '../watch.ts';
import { age } from './age.ts';
import { type Flow, rateText, readFlows } from './rate.ts';
import { tapList } from './tapList.ts';
import { itemOf, type ListedTap, listTaps } from './taps.ts';

/** `kokotap list`: what is printed. */
export async function list({ values }: Typed, cluster: Cluster, terminal: Terminal): Promise<string> {
  const look = async () => {
    const namespace = values.has('--all-namespaces')
      ? undefined
      : (values.get('--namespace') ?? (await cluster.namespace()));
    const taps = await listTaps(cluster.api, { namespace, selector: values.get('--selector') });
    return printed(cluster, taps, values);
  };
  if (!values.has('--watch')) return look();
  await watch(look, terminal);
  return '';
}

async function printed(
  cluster: Cluster,
  taps: readonly ListedTap[],
  values: Typed['values'],
): Promise<string> {
  const form = values.get('--output');
  if (form === 'name') return taps.map(({ id }) => `tap/${id}\n`).join('');
  if (form !== 'json' && form !== 'yaml') return tapTable(cluster, taps, form === 'wide');
  const flows = await readFlows(cluster, taps);
  const items = taps.map((tap) => {
    const { bitsPerSecond, lostPackets } = flows.get(tap) ?? {};
    return Object.assign(itemOf(tap), { bitsPerSecond, lostPackets });
  });
  return tapList(items, form);
}

/** A line for each tap, for people. */
export async function tapTable(
  cluster: Cluster,
  taps: readonly ListedTap[],
  isWide: boolean,
): Promise<string> {
  const flows = await readFlows(cluster, taps);
  const head = ['NAMESPACE', 'TAP', 'TARGET', 'DESTINATION', 'STATE', 'RATE', 'LOST', 'AGE'];
  const rows = taps.map((tap) => row(tap, flows.get(tap)).concat(isWide ? [tap.vnis.join(',') || '-'] : []));
  return table([[...head, ...(isWide ? ['VNI'] : [])], ...rows]);
}

function row(tap: ListedTap, flow: Flow | undefined): string[] {
  const { namespace, id, targets, destination, state, created } = tap;
  const lost = String(flow?.lostPackets ?? '?');
  return [
    namespace,
    id,
    targetsText(targets),
    destination,
    state,
    rateText(flow?.bitsPerSecond),
    lost,
    age(created),
  ];
}
