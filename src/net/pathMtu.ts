import * as z from 'zod/mini';
import { run } from '#src/exec/command.ts';

const route = z.object({
  dev: z.string(),
  metrics: z.optional(z.array(z.object({ mtu: z.optional(z.number()) }))),
});
const link = z.object({ mtu: z.number() });

/**
 * The largest IP packet, in bytes, that this node's way from one of its addresses to another takes: the route's MTU, or
 * what the kernel has learned of the path, else that of the route's interface (`ip -json` of iproute2 6.1).
 *
 * @throws {CommandError} when there is no way.
 */
export async function readPathMtu(local: string, remote: string): Promise<number> {
  const routes = await run('ip', ['-json', 'route', 'get', remote, 'from', local]);
  const [way] = z.parse(z.tuple([route]), JSON.parse(routes));
  const learned = way.metrics?.find(({ mtu }) => mtu !== undefined)?.mtu;
  if (learned !== undefined) return learned;
  const links = await run('ip', ['-json', 'link', 'show', 'dev', way.dev]);
  return z.parse(z.tuple([link]), JSON.parse(links))[0].mtu;
}
