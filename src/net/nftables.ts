import * as z from 'zod/mini';
import { CommandError, run, type RunOptions } from '#src/exec/command.ts';
import { askMonitor } from './monitorProcess.ts';
import { askNetlink, attributesOf, protocols, textOf } from './netlink.ts';
import { ownNetns } from './netns.ts';

/** `nft --json list` of nftables 1.0.6, as far as it is used. */
const listing = z.object({
  nftables: z.array(
    z.looseObject({
      rule: z.optional(z.object({ chain: z.string(), expr: z.unknown() })),
      chain: z.optional(
        z.object({ name: z.string(), hook: z.optional(z.string()), prio: z.optional(z.number()) }),
      ),
      map: z.optional(z.object({ elem: z.optional(z.array(z.unknown())) })),
      counter: z.optional(z.object({ name: z.string(), packets: z.number() })),
    }),
  ),
});

const element = z.tuple([
  z.object({ concat: z.array(z.union([z.string(), z.number()])) }),
  z.object({ goto: z.object({ target: z.string() }) }),
]);

export interface Table {
  /** By chain, what it is and its rules: the same text as long as these are the same. */
  readonly chains: ReadonlyMap<string, string>;
  /** Of its map: the chain that packets go to, by the key in nft's notation, `4789 . 25600`. */
  readonly elements: ReadonlyMap<string, string>;
  /** Packets, by the counter's name. */
  readonly counters: ReadonlyMap<string, number>;
}

/** A chain of a table of family inet. */
export interface Chain {
  readonly table: string;
  readonly name: string;
}

/** The names of the tables of family inet in the agent's own network namespace. @throws {CommandError} */
export async function listTables(): Promise<string[]> {
  const found = await askNftables(messages.getTable);
  return found.flatMap((each) => textOf(each.get(nameOfTable)) ?? []);
}

/** Their chains. @throws {CommandError} */
export async function listChains(): Promise<Chain[]> {
  const found = await askNftables(messages.getChain);
  return found.map((each) => ({
    table: textOf(each.get(ofChain.table)) ?? '',
    name: textOf(each.get(ofChain.name)) ?? '',
  }));
}

/** Types of messages and attributes: NFT_MSG_..., NFTA_... of linux/netfilter/nf_tables.h. */
const messages = { getTable: 0xa01, getChain: 0xa04 } as const;
const nameOfTable = 1;
const ofChain = { table: 1, name: 3 } as const;
const familyInet = 1;
const headLength = 4; // struct nfgenmsg

async function askNftables(type: number): Promise<ReadonlyMap<number, Buffer>[]> {
  const request = { type, isDump: true, body: Buffer.from([familyInet, 0, 0, 0]) };
  const [answer = []] = await askNetlink(ownNetns, protocols.netfilter, [request]);
  return answer.map(({ body }) => attributesOf(body.subarray(headLength)));
}

/** Reads a table of family inet; undefined when it is not there. */
export async function readTable(name: string, options: RunOptions): Promise<Table | undefined> {
  try {
    const { nftables } = await list(['list', 'table', 'inet', name], options);
    return describe(nftables);
  } catch (error) {
    if (error instanceof CommandError && error.stderr.includes('No such file or directory')) return undefined;
    throw error;
  }
}

/**
 * Reads a table of family inet again and again: whole only if anything in nftables has changed since, by whomever. Else only
 * its counters are read, without a process.
 */
export function tableReader(name: string, options: RunOptions): () => Promise<Table | undefined> {
  let last: { readonly generation: string; readonly table: Table } | undefined;
  return async () => {
    // Before the table, so that what changes meanwhile is read the next time.
    const answer = await askMonitor(`nft ${name}`).catch(nothingIfRefused);
    const [generation = '', ...counters] = answer?.split(' ') ?? [];
    if (last !== undefined && generation === last.generation)
      return { ...last.table, counters: new Map(counters.map(parseCounter)) };
    const table = await readTable(name, options);
    last = table === undefined || answer === undefined ? undefined : { generation, table };
    return table;
  };
}

/** Then the table is read by nft, which says what is wrong if it cannot either. */
function nothingIfRefused(error: unknown): undefined {
  if (!(error instanceof CommandError)) throw error;
}

function parseCounter(text: string): [string, number] {
  const [name = '', packets] = text.split('=');
  return [name, Number(packets)];
}

function describe(objects: z.infer<typeof listing>['nftables']): Table {
  const rules = objects.flatMap(({ rule }) => rule ?? []);
  return {
    chains: new Map(
      objects.flatMap(({ chain }) => {
        if (chain === undefined) return [];
        const own = rules.filter((rule) => rule.chain === chain.name);
        return [[chain.name, JSON.stringify([chain, ...own])]];
      }),
    ),
    elements: new Map(
      objects
        .flatMap(({ map }) => map?.elem ?? [])
        .flatMap((each) => {
          const { data } = z.safeParse(element, each);
          return data === undefined ? [] : [[data[0].concat.join(' . '), data[1].goto.target]];
        }),
    ),
    counters: new Map(objects.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : []))),
  };
}

/** Runs nft's commands as one transaction. */
export async function changeTables(commands: readonly string[], options: RunOptions): Promise<void> {
  await run('nft', [commands.join('\n')], options);
}

async function list(args: readonly string[], options: RunOptions): Promise<z.infer<typeof listing>> {
  return z.parse(listing, JSON.parse(await run('nft', ['--json', ...args], options)));
}
