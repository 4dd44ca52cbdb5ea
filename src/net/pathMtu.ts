import * as z from 'zod/mini';
import { run } from '#src/exec/command.ts';
import { runBatch, type Words } from './batch.ts';
import { askMonitor } from './monitorProcess.ts';

const route = z.object({
  dev: z.string(),
  metrics: z.optional(z.array(z.object({ mtu: z.optional(z.number()) }))),
});
const link = z.object({
  ifindex: z.number(),
  link_type: z.string(),
  mtu: z.number(),
  linkinfo: z.optional(z.object({ info_kind: z.optional(z.string()) })),
});

/** This node's path from one of its addresses to another. */
export interface UnderlayPath {
  /**
   * The largest IP packet that it takes: the route's MTU, or what the kernel has learned of the path, else that of the
   * route's interface.
   */
  readonly mtuBytes: number;
  readonly ifname: string;
  /** Of the interface: `bridge`, `wireguard`, …; empty for hardware. */
  readonly kind: string;
  /** Of the interface, as {@link Link} has it: `ether`, `none`, … */
  readonly type: string;
  /** The kernel's number of the interface. */
  readonly ifindex: number;
}

/**
 * Reads the path of packets to an address (`ip -json` of iproute2 6.1).
 *
 * @throws {CommandError} when there is no route.
 */
export function readPath(local: string, remote: string): Promise<UnderlayPath> {
  return processReader(local, remote)();
}

/** Reads the path again and again: by a process only if it has changed since. */
export function pathReader(local: string, remote: string): () => Promise<UnderlayPath> {
  const read = processReader(local, remote);
  let last: { readonly answer: string; readonly path: UnderlayPath } | undefined;
  return async () => {
    const answer = await askMonitor(`path ${local} ${remote}`);
    if (answer !== undefined && answer === last?.answer) return last.path;
    const found = await read();
    last = answer === undefined ? undefined : { answer, path: found };
    return found;
  };
}

/** By one process as long as the path uses the same interface. */
function processReader(local: string, remote: string): () => Promise<UnderlayPath> {
  let usual: string | undefined;
  return async () => {
    const asked = ['route', 'get', remote, 'from', local];
    const [said, ofUsual] = await ask(usual === undefined ? [asked] : [asked, linkOf(usual)]);
    const [via] = z.parse(z.tuple([route]), said);
    const ofVia = via.dev === usual && ofUsual !== undefined ? ofUsual : (await ask([linkOf(via.dev)]))[0];
    usual = via.dev;
    const learned = via.metrics?.find(({ mtu }) => mtu !== undefined)?.mtu;
    const [{ mtu, linkinfo, link_type: type, ifindex }] = z.parse(z.tuple([link]), ofVia);
    const kind = linkinfo?.info_kind ?? '';
    return { mtuBytes: learned ?? mtu, ifname: via.dev, kind, type, ifindex };
  };
}

function linkOf(ifname: string): Words {
  return ['link', 'show', 'dev', ifname];
}

/** What `ip` answers: nothing to a question about an interface that is gone, if it is not the first. */
async function ask(questions: readonly Words[]): Promise<unknown[]> {
  const { stdout, failures } = await runBatch({ run }, 'ip', questions, { flags: ['-json', '-details'] });
  const [failure] = failures;
  if (failure?.at === 0) throw failure.error;
  return stdout.split(/^(?=\[)/m).map((answer): unknown => JSON.parse(answer));
}
