import * as z from 'zod/mini';
import { run, type RunOptions } from '#src/exec/command.ts';

const links = z.array(
  z.object({
    addr_info: z.array(z.object({ local: z.optional(z.string()), scope: z.optional(z.string()) })),
  }),
);

/** An address of an interface of the agent's own network namespace, which is its node's. */
export interface NodeAddress {
  readonly address: string;
  /** Not one of the loopback or of a single link. */
  readonly isGlobal: boolean;
}

/** Reads the node's addresses (`ip -json` of iproute2 6.1), also those of interfaces that are down. */
export async function readNodeAddresses(options: RunOptions): Promise<NodeAddress[]> {
  const found = z.parse(links, JSON.parse(await run('ip', ['-json', 'address'], options)));
  return found
    .flatMap(({ addr_info }) => addr_info)
    .flatMap(({ local, scope }) =>
      local === undefined ? [] : [{ address: local, isGlobal: scope === 'global' }],
    );
}
