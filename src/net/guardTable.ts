import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import {
  additionOf,
  announcementOf,
  chainOf,
  deletionOf,
  formerlyGuardedBy,
  formerTableOf,
  type Guarded,
  guardedBy,
  type GuardState,
  guardTable,
  removalOf,
  tableRemoval,
} from '#src/tap/guard/rules.ts';
import type { Tunnel } from '#src/tap/state.ts';
import { changeTables, listChains, listTables, readTable, type Table } from './nftables.ts';
import { together } from './together.ts';

/** Others change the table too; who finds it changed so often has another trouble. */
const maxTries = 5;
/** Between two tries, so that two agents do not meet again. */
const retryMs = 50;

/**
 * Changes the table by one transaction, which the kernel makes as a whole or not at all. What another agent changed since
 * the table was read makes it fail: then it is read and planned anew.
 *
 * @param plan commands of nft; none: there is nothing to change
 * @param known how the table is believed to be; undefined: read it first
 * @throws {CommandError}
 */
async function changeGuardTable(
  plan: (state: GuardState, isTable: boolean) => readonly string[],
  options: RunOptions,
  known?: Table,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const table = known !== undefined && tries === 1 ? known : await readTable(guardTable, options);
    // What endpoints share is the same for all of them.
    const commands = [...new Set(plan(stateOf(table), table !== undefined))];
    if (commands.length === 0) return;
    try {
      await changeTables(commands, options);
      return;
    } catch (error) {
      if (!(error instanceof CommandError) || tries >= maxTries || options.signal?.aborted) throw error;
      await sleep(retryMs * (1 + Math.random()));
    }
  }
}

/** An endpoint whose entry is to be made, and where it is known how the table is believed to be. */
export interface Addition {
  readonly own: Guarded;
  readonly tunnel: Tunnel;
  readonly options: RunOptions;
  readonly known: Table | undefined;
}

/**
 * Makes an endpoint's entry. Those of many endpoints of an agent are made by one transaction.
 *
 * @returns how the table is then
 * @throws {CommandError}
 */
export const addGuard = together(async (all: readonly Addition[]): Promise<Table | undefined> => {
  const [{ options, known } = { options: {}, known: undefined }] = all;
  const plan = (state: GuardState) => all.flatMap(({ own, tunnel }) => additionOf(own, tunnel, state));
  await changeGuardTable(plan, options, all.length === 1 ? known : undefined);
  return readTable(guardTable, options);
});

/** Makes entries without effect, those of many endpoints by one transaction. @throws {CommandError} */
export const announceGuard = together(
  async (all: readonly Pick<Addition, 'own' | 'options'>[]): Promise<void> => {
    const commands = all.flatMap(({ own }) => announcementOf(own));
    await changeTables([...new Set(commands)], all[0]?.options ?? {});
  },
);

/** Takes an endpoint's entry away, as {@link removeGuards} does, those of many endpoints of an agent by one transaction. */
export const removeGuard = together(
  async (all: readonly Pick<Addition, 'own' | 'options' | 'known'>[]): Promise<void> => {
    const [{ options, known } = { options: {}, known: undefined }] = all;
    const gone = all.map(({ own }) => own);
    await removeGuards(gone, options, all.length === 1 ? known : undefined);
  },
);

/**
 * Takes endpoints' entries away, and the table with the last entry. Former versions' tables of these endpoints go as well.
 *
 * @param known see {@link changeGuardTable}
 * @throws {CommandError} when something stays
 */
export async function removeGuards(
  gone: readonly Guarded[],
  options: RunOptions,
  known?: Table,
): Promise<void> {
  let isLast = true;
  const former = gone.map(formerTableOf).flatMap(deletionOf);
  await changeGuardTable(
    (state, isTable) => {
      isLast = !hasOthers(state, gone);
      return [...removalOf(gone, state), ...(isTable && isLast ? tableRemoval : []), ...former];
    },
    options,
    known,
  );
  // With others there it stays, unless they have gone meanwhile.
  if (!isLast) await removeEmptyTable(options);
}

/** The endpoints that have an entry, or a table of a former version. */
export async function listGuarded(): Promise<Guarded[]> {
  const former = (await listTables()).flatMap((name) => formerlyGuardedBy(name) ?? []);
  const chains = (await listChains()).filter(({ table }) => table === guardTable);
  return once([...former, ...chains.flatMap(({ name }) => guardedBy(name) ?? [])]);
}

async function removeEmptyTable(options: RunOptions): Promise<void> {
  await changeGuardTable(
    (state, isTable) => (isTable && guardedIn(state).length === 0 ? tableRemoval : []),
    options,
  );
}

function hasOthers(state: GuardState, gone: readonly Guarded[]): boolean {
  return guardedIn(state).some(
    ({ tap, role }) => !gone.some((each) => each.tap === tap && each.role === role),
  );
}

/** Each has more than one chain. */
function guardedIn({ chains }: GuardState): Guarded[] {
  return once([...chains].flatMap((chain) => guardedBy(chain) ?? []));
}

function once(all: readonly Guarded[]): Guarded[] {
  return [...new Map(all.map((each) => [chainOf(each), each])).values()];
}

function stateOf(table: Table | undefined): GuardState {
  return {
    chains: new Set(table?.chains.keys()),
    counters: new Set(table?.counters.keys()),
    elements: table?.elements ?? new Map(),
  };
}
