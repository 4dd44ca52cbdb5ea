import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { listLinks } from '#src/net/links.ts';
import { inOwnNetns, type Netns } from '#src/net/netns.ts';
import { readProcFile } from '#src/net/processNetns.ts';
import { applySteps } from '#src/net/steps.ts';
import { isOurs } from '#src/tap/plan/ours.ts';
import { overTunnel } from '#src/tap/plan/tunnel.ts';
import { isInNetDev } from '#src/tap/proc/netDev.ts';
import type { Desired, Observed, Step } from '#src/tap/state.ts';
import { missingTargets, targetLinks } from '#src/tap/targets.ts';
import { converge, type ConvergeOptions, type Outcome, remove } from '#src/agent/endpoint/converge.ts';
import { observe } from '#src/agent/endpoint/observe.ts';

/** How a convergence over a device in the node ended. */
export type OverTunnel =
  /** `tunnel`: what is in the node. */
  | { readonly made: Outcome; readonly tunnel: Observed; readonly tunnelSteps: readonly Step[] }
  /** The kernel does not allow it, and nothing is left of it. */
  | { readonly refused: string };

export const throughStackNotice =
  'copies cannot go past the IP stack of the node; the mirror device is the VXLAN device itself';

/** Content of the node's /proc/net/dev. */
export function nodeNetDev(): string {
  return readProcFile('self', 'net/dev') ?? '';
}

/**
 * Makes a sender's endpoint be as desired whose mirror device is a macvlan device over a VXLAN device in the node: that
 * first, then what is in the target's network namespace. As {@link converge}, it takes away what it made when it fails.
 *
 * @param desired the endpoint as it would be without the device in the node
 * @param tunnel the device in the node
 * @throws {UserError} when something that is not ours is in the way
 * @throws {CommandError}
 */
export async function convergeOverTunnel(
  node: Netns,
  pod: Netns,
  { desired, tunnel }: Record<'desired' | 'tunnel', Desired>,
  options: ConvergeOptions,
): Promise<OverTunnel> {
  const isNew = !isInNetDev(nodeNetDev(), tunnel.ifname);
  const inPod = overTunnel(desired);
  if (isNew) {
    const { missing, refused } = await prepare(pod, inPod, options);
    if (refused !== undefined) return { refused };
    if (missing !== undefined) {
      const made = await converge(pod, inPod, options);
      return { made, tunnel: await observe(node, tunnel), tunnelSteps: [] };
    }
  }
  const inNode = await converge(node, tunnel, { ...options, ...ofNode });
  const giveUp = async (refused: string): Promise<OverTunnel> => {
    await removeTunnel(tunnel, options);
    return { refused };
  };
  if (inNode.withoutObject !== undefined) return giveUp(inNode.withoutObject);
  try {
    const made = await converge(pod, inPod, options);
    const refused = made.withoutObject ?? whyRefused(desired, made.observed);
    if (refused !== undefined) return await giveUp(refused);
    return { made, tunnel: inNode.observed, tunnelSteps: inNode.steps };
  } catch (error) {
    const isUnsupported = error instanceof CommandError && unsupported.test(error.stderr);
    if (isUnsupported) return await giveUp(`the kernel makes no macvlan device: ${error.stderr.trim()}`);
    if (isNew && options.signal?.aborted !== true) await removeTunnel(tunnel, options);
    throw error;
  }
}

/**
 * Takes the device in the node away, if it is there, and with it the mirror device over it.
 *
 * @param known what was observed in the node last, if nothing has changed since
 * @throws {CommandError} when it stays
 */
export async function removeTunnel(
  tunnel: Desired,
  options: RunOptions,
  known?: Observed,
): Promise<readonly Step[]> {
  if (!isInNetDev(nodeNetDev(), tunnel.ifname)) return [];
  return inOwnNetns((node) => remove(node, tunnel, options, known));
}

/**
 * Looks before the first device is made: without its targets the endpoint has none. A VXLAN device of this tap in the pod, of
 * an agent that did not use the node's, goes: the kernel takes no second one of its VNI.
 *
 * @returns what is missing, or why there can be no macvlan device
 */
async function prepare(
  pod: Netns,
  desired: Desired,
  options: RunOptions,
): Promise<{ readonly missing?: string; readonly refused?: string }> {
  const links = await listLinks(pod);
  const missing = missingTargets(desired.copies, { links, liveTaps: new Set() });
  if (missing !== undefined) return { missing };
  const refused = whyRefused(desired, { links, liveTaps: new Set() });
  if (refused !== undefined) return { refused };
  const old = links.find(
    (link) => link.name === desired.ifname && link.kind === 'vxlan' && isOurs(link, desired),
  );
  if (old === undefined) return {};
  const { failures } = await applySteps(pod, [{ do: 'delete link', link: old.name }], options);
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  return {};
}

/** In the node are no target interfaces, and so neither qdiscs nor programs of others to heed. */
const ofNode = {
  ahead: { isRefused: false, follow: async () => false },
  onOwnQdiscs: () => undefined,
  onDisturbance: () => undefined,
} satisfies Partial<ConvergeOptions>;

/** A macvlan device would cut such a packet into segments that were not made to fit. */
function whyRefused({ copies }: Desired, observed: Pick<Observed, 'links' | 'liveTaps'>): string | undefined {
  const big = targetLinks(copies, observed).find(({ isBig }) => isBig === true);
  return big && `interface ${big.name} is set to packets of more than 64 KiB (BIG TCP)`;
}

/** What `ip` says where the kernel has no macvlan devices. */
const unsupported = /Unknown device type|Operation not supported/;
