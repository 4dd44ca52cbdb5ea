import { targetsText } from '#src/pods/labels.ts';
import { table } from '../table.ts';
import type { Account } from './accounts.ts';
import { age } from './age.ts';
import type { ListedTap } from './taps.ts';

const COLUMNS = [
  ['SEEN', 'seenPackets'],
  ['NOT MATCHING', 'notMatchingPackets'],
  ['SAMPLED OUT', 'sampledOutPackets'],
  ['SHED', 'shedPackets'],
  ['UNFIT', 'unfitPackets'],
  ['COPIED', 'copiedPackets'],
  ['BYTES', 'copiedBytes'],
] as const;

/** Whether copies flow, as far as the pods and their agents say it. */
export function isReady({ state }: ListedTap, { endpoints }: Account): boolean {
  return state === 'Ready' && endpoints.every((each) => each.state === undefined || each.state === 'ready');
}

/** A tap for people, with both its ends and what became of the packets. */
export function describeTap(tap: ListedTap, account: Account): string {
  const { id, targets, destination, vnis, state, created } = tap;
  const tunnel =
    vnis.length === 0
      ? 'both ends are on one node'
      : `${vnis.length === 1 ? 'VNI' : 'VNIs'} ${vnis.join(', ')}`;
  return [
    `tap/${id}: ${targetsText(targets)} to ${destination}, ${state}, ${tunnel}, ${age(created)}\n`,
    ...[...Map.groupBy(account.endpoints, ({ pod }) => pod).values()].map(describePod),
    indented(describeCounts(account)),
    indented(describePath(account)),
    ...remedies(tap, account).map((each) => `  ${each}\n`),
  ].join('');
}

type Endpoint = Account['endpoints'][number];

/** A line; of a pod of several endpoints one for each. */
function describePod(endpoints: readonly Endpoint[]): string {
  const [first] = endpoints;
  if (first === undefined) return '';
  const { role, pod, node } = first;
  const begin = `  ${role} ${pod} on ${node}:`;
  if (endpoints.length === 1) return `${begin} ${stateOf(first)}\n`;
  const lines = endpoints.map((each) => `    ${each.target ?? each.id ?? '?'}: ${stateOf(each)}\n`);
  return `${begin}\n${lines.join('')}`;
}

function stateOf({ state, reason, warning }: Endpoint): string {
  const said = [reason, warning === undefined ? undefined : `but ${warning}`].filter(Boolean).join('; ');
  return `${state ?? 'not known'}${said === '' ? '' : `: ${said}`}`;
}

function describeCounts({ directions }: Account): string {
  const rows = Object.entries(directions ?? {}).map(([direction, counts]) =>
    [direction].concat(COLUMNS.map(([, field]) => String(counts[field] ?? '?'))),
  );
  return rows.length === 0 ? '' : table([['', ...COLUMNS.map(([title]) => title)], ...rows]);
}

function describePath(account: Account): string {
  const { sentPackets, reportedPackets, receivedPackets, lostPackets, refusedCopies, fit } = account;
  const arrived = receivedPackets ?? reportedPackets;
  const counts =
    sentPackets === undefined
      ? ''
      : `sent ${sentPackets}, received ${arrived ?? '?'}, lost or under way ${lostPackets ?? '?'}${refusedCopies ? `, of these refused by the device ${refusedCopies}` : ''}\n`;
  return `${counts}${fit === undefined ? '' : `path: ${fit}\n`}`;
}

/** What is not as it should be, and what can be done. */
function remedies({ pods, namespace }: ListedTap, account: Account): string[] {
  const { degraded, idle, inFront, turnedAwayPackets, directions } = account;
  const counts = Object.values(directions ?? {});
  const sum = (field: (typeof COLUMNS)[number][1]) =>
    counts.reduce((all, each) => all + (each[field] ?? 0), 0);
  const sender = pods.find(({ role }) => role === 'sender')?.name ?? 'POD';
  return [
    degraded === undefined ? [] : [`without eBPF: ${degraded}`],
    idle === undefined ? [] : [`warning: ${idle}`],
    inFront === undefined || inFront.length === 0
      ? []
      : [
          `programs of others come before the tap's: kubectl exec -n ${namespace} ${sender} -- kokotap-agent status names them`,
        ],
    turnedAwayPackets ? [`${turnedAwayPackets} packets from strangers were turned away`] : [],
    sum('shedPackets') > 0
      ? [`shed by --max-rate: ${sum('shedPackets')}; give more of it, or a --filter`]
      : [],
    sum('unfitPackets') > 0
      ? [`too large for the underlay: ${sum('unfitPackets')}; give --snaplen, or the underlay a larger MTU`]
      : [],
  ].flat();
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gmu, '  ');
}
