import * as z from 'zod/mini';
import { run, type RunOptions } from '#src/exec/command.ts';

/** `nft --json list` of nftables 1.0.6, as far as it is used. */
const listing = z.object({
  nftables: z.array(
    z.looseObject({
      table: z.optional(z.object({ name: z.string() })),
      rule: z.optional(z.object({ chain: z.string(), expr: z.unknown() })),
      chain: z.optional(
        z.object({ name: z.string(), hook: z.optional(z.string()), prio: z.optional(z.number()) }),
      ),
      counter: z.optional(z.object({ name: z.string(), packets: z.number() })),
    }),
  ),
});

export interface Table {
  /** The same text as long as chains and rules are the same. */
  readonly content: string;
  /** Packets, by the counter's name. */
  readonly counters: ReadonlyMap<string, number>;
}

/** The names of the tables of family inet in the agent's own network namespace. */
export async function listTables(options: RunOptions): Promise<string[]> {
  const { nftables } = await list(['list', 'tables', 'inet'], options);
  return nftables.flatMap(({ table }) => table?.name ?? []);
}

/** Reads a table of family inet; it has to be there. */
export async function readTable(name: string, options: RunOptions): Promise<Table> {
  const { nftables } = await list(['list', 'table', 'inet', name], options);
  return {
    content: JSON.stringify(nftables.flatMap(({ chain, rule }) => chain ?? rule ?? [])),
    counters: new Map(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : []))),
  };
}

/** Runs nft's commands, a line each, as one transaction. */
export async function changeTables(commands: string, options: RunOptions): Promise<void> {
  await run('nft', [commands], options);
}

async function list(args: readonly string[], options: RunOptions): Promise<z.infer<typeof listing>> {
  return z.parse(listing, JSON.parse(await run('nft', ['--json', ...args], options)));
}
