import * as z from 'zod/mini';
import { messageOf, UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { ROLE_LABEL } from '#src/pods/labels.ts';
import type { PodManifest } from '#src/pods/manifests.ts';
import { unconfirmed } from '#src/pods/unconfirmed.ts';
import type { Destination } from '#src/spec/tap.ts';
import { askAgent } from '../agentStatus.ts';
import { amongBudgets, budgetsIn } from '../budgets.ts';
import { MadePods } from '../create/madePods.ts';
import { planTap } from '../create/plan.ts';
import { targetsOf } from '../create/targets.ts';
import { untilReady } from '../create/untilReady.ts';
import { checkSettings } from '../options.ts';
import { Progress, stderrColumns } from '../progress.ts';
import type { Terminal } from '../surroundings.ts';
import type { TargetWord } from '../targets/targetWord.ts';
import { fail, type Finding } from './finding.ts';
import { type AgentSaid, probeFindings } from './probeFindings.ts';

/** No packet is that short: a tap that copies nothing. */
const NOTHING = 'less 1';
/** No tap is called so. */
const MIRROR = 'kokotap-probe';
const TIMEOUT_MS = 60_000;
/** So long the tap is kept if this program is killed. */
const LONGEST_SECONDS = 180;
/** Of a log: all that an agent has said by then. */
const LOG_LINES = 200;

export interface ProbeOptions {
  readonly words: readonly TargetWord[];
  readonly to: Destination;
  readonly namespace: string;
  readonly tapNamespace: string;
  readonly image: string;
}

/**
 * What only nodes know: makes a tap that copies nothing, asks its agents, and takes it away.
 *
 * @throws {UserError} when it is interrupted, or something cannot be taken away
 */
export async function probe(
  options: ProbeOptions,
  cluster: Cluster,
  terminal: Terminal,
): Promise<readonly Finding[]> {
  const { api } = cluster;
  const signal = terminal.untilInterrupted();
  const progress = new Progress({ write: terminal.print, columns: stderrColumns(terminal.env) });
  const tell = (lines: readonly string[]) => progress.show(lines);
  const made = new MadePods(api);
  try {
    const pods = await podsOf(options, cluster, terminal);
    for (const pod of pods) if (!signal.aborted) await made.make(unconfirmed(pod, LONGEST_SECONDS));
    const trouble = await untilReady(cluster, pods, { timeoutMs: TIMEOUT_MS, signal, tell }).then(
      () => undefined,
      told,
    );
    if (!signal.aborted)
      return probeFindings(await Promise.all(pods.map((pod) => ask(cluster, pod))), trouble, options.to);
  } catch (error) {
    return [fail('KT0801', told(error))];
  } finally {
    if (made.uids.size > 0) tell(['taking away what was made']);
    await made.takeAway();
    progress.clear();
  }
  throw new UserError('Interrupted: what was made is taken away again');
}

/** @throws what is no message for the user */
function told(error: unknown): string {
  if (error instanceof UserError) return messageOf(error);
  throw error;
}

async function podsOf(
  { words, to, namespace, tapNamespace, image }: ProbeOptions,
  { api }: Cluster,
  terminal: Terminal,
): Promise<readonly PodManifest[]> {
  const values = new Map([
    ['image', image],
    ['filter', NOTHING],
    ['mirrorInterface', MIRROR],
  ] as const);
  const settings = checkSettings(values, to);
  const targets = await targetsOf({ words, labels: undefined }, api, namespace);
  const place = { namespace, targets, tapNamespace };
  const { pods } = await planTap({ settings, namesMirror: true }, place, api, terminal);
  return amongBudgets(await budgetsIn(api, tapNamespace), pods, terminal);
}

const mergingLine = z.object({ interface: z.string(), msg: z.string() });

/** What the agent of a pod says; a pod that does not run says nothing. */
async function ask(cluster: Cluster, { metadata, spec }: PodManifest): Promise<AgentSaid> {
  const { namespace, name, labels } = metadata;
  const about = { role: labels[ROLE_LABEL] ?? '?', node: spec.nodeName };
  try {
    const status = await askAgent(cluster, { namespace, name });
    const log = (await cluster.api.getLog(namespace, name, LOG_LINES)) ?? '';
    return { ...about, status, merging: mergingIn(log), trouble: undefined };
  } catch (error) {
    return { ...about, status: undefined, merging: undefined, trouble: told(error) };
  }
}

/** The device of the underlay that merges what it receives, which its agent logs. */
function mergingIn(log: string): string | undefined {
  for (const line of log.split('\n')) {
    if (!line.includes('merges packets that it receives')) continue;
    const { data } = z.safeParse(mergingLine, JSON.parse(line));
    if (data !== undefined) return data.interface;
  }
  return undefined;
}
