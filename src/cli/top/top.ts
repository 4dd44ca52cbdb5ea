import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import type { Typed } from '../commands/command.ts';
import type { Terminal } from '../surroundings.ts';
import { readAccounts, type Reading } from '../taps/accounts.ts';
import { chosenTaps } from '../taps/chosenTaps.ts';
import { flowBetween } from '../taps/rate.ts';
import { tapTable } from '../taps/list.ts';
import type { ListedTap } from '../taps/taps.ts';
import { watch } from '../watch.ts';
import { frame, type TopRow, type View } from './frame.ts';
import { type Key, Screen } from './screen.ts';

const PERIOD_MS = 1000;

/** `kokotap top`: taps with their rates and losses, once a second; without a terminal like `kokotap list --watch`. */
export async function top({ args, values }: Typed, cluster: Cluster, terminal: Terminal): Promise<string> {
  const namespace = values.has('--all-namespaces')
    ? undefined
    : (values.get('--namespace') ?? (await cluster.namespace()));
  const query = { namespace, selector: values.get('--selector') };
  const look = async () => (await chosenTaps(cluster.api, args, query)).map(({ tap }) => tap);
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY || terminal.env['TERM'] === 'dumb') {
    await watch(async () => tapTable(cluster, await look(), false), terminal);
    return '';
  }
  // What is wrong with the line is said on the terminal as it is.
  const taps = await look();
  const hasColour = !terminal.env['NO_COLOR'];
  const ending = new AbortController();
  const signal = AbortSignal.any([terminal.untilInterrupted(), ending.signal]);
  let view: View = { rows: taps.map(newRow), selected: 0, trouble: undefined };
  const onKey = (key: Key) => {
    if (key === 'quit') ending.abort();
    else view = { ...view, selected: moved(view, key) };
    draw();
  };
  using screen = new Screen(stdin, stdout, onKey, () => draw());
  const draw = () => screen.draw(frame(view, { ...screen.size, hasColour }));
  draw();
  const history = new History(cluster);
  const over = aborted(signal);
  while (!signal.aborted) {
    const beginMs = performance.now();
    const told = await Promise.race([history.rows(look).catch(troubleOf), over]);
    if (told === undefined) break;
    view = typeof told === 'string' ? { ...view, trouble: told } : withRows(view, told);
    draw();
    const restMs = Math.max(0, beginMs + PERIOD_MS - performance.now());
    await sleep(restMs, undefined, { signal }).catch(() => undefined);
  }
  return '';
}

/** Reads the accounts of taps again and again. */
class History {
  readonly #cluster: Cluster;
  #before: ReadonlyMap<string, Reading> = new Map();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async rows(look: () => Promise<readonly ListedTap[]>): Promise<readonly TopRow[]> {
    const taps = await look();
    const readings = await readAccounts(this.#cluster, taps);
    const rows = taps.map((tap): TopRow => {
      const now = readings.get(tap);
      return { tap, account: now?.account, flow: flowBetween(this.#before.get(nameOf(tap)), now) };
    });
    this.#before = new Map([...readings].map(([tap, reading]) => [nameOf(tap), reading]));
    return rows;
  }
}

function newRow(tap: ListedTap): TopRow {
  return { tap, account: undefined, flow: flowBetween(undefined, undefined) };
}

/** The same tap stays selected wherever its row goes. */
function withRows({ rows: before, selected }: View, rows: readonly TopRow[]): View {
  const chosen = before[selected];
  const index = rows.findIndex(({ tap }) => chosen !== undefined && nameOf(tap) === nameOf(chosen.tap));
  const last = Math.max(0, rows.length - 1);
  return { rows, selected: index === -1 ? Math.min(selected, last) : index, trouble: undefined };
}

function moved({ rows, selected }: View, key: 'up' | 'down'): number {
  return key === 'up' ? Math.max(0, selected - 1) : Math.max(0, Math.min(rows.length - 1, selected + 1));
}

function nameOf({ namespace, id }: ListedTap): string {
  return `${namespace}/${id}`;
}

/** An API server that is away may come back. */
function troubleOf(error: unknown): string {
  if (error instanceof UserError) return messageOf(error);
  throw error;
}

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    return promise;
  }
  return undefined;
}
