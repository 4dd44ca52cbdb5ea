import { messageOf, UserError } from '#src/errors.ts';
import { isAllowed } from '#src/kube/access.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { PodManifest } from '#src/pods/manifests.ts';
import { unconfirmed } from '#src/pods/unconfirmed.ts';
import { amongBudgets, budgetsIn } from '../budgets.ts';
import { podsNamespace } from '../podsNamespace.ts';
import { Progress, stderrColumns } from '../progress.ts';
import type { Terminal } from '../surroundings.ts';
import { yamlDocuments } from '../yaml.ts';
import { MadePods } from './madePods.ts';
import type { CreateOptions } from './options.ts';
import { type PlannedTap, planTap } from './plan.ts';
import { warnOfPodSecurity } from './podSecurity.ts';
import { advice, report } from './report.ts';
import { removeAbandoned } from './abandoned.ts';
import { targetsOf } from './targets.ts';
import { untilReady } from './untilReady.ts';

/** For the start of pods before their agents run, and the way of the confirmation to them. */
const MARGIN_SECONDS = 120;

/**
 * Makes the tap that the options describe, and waits until copies can flow. What a failed or interrupted command has made is
 * taken away again; that of a killed one takes itself away, where the user may confirm pods.
 *
 * @returns what is printed
 * @throws {UserError} with what keeps it from being made, or from becoming ready
 */
export async function createTaps(
  options: CreateOptions,
  cluster: Cluster,
  terminal: Terminal,
): Promise<string> {
  const { api } = cluster;
  const { warn, print, env, untilInterrupted } = terminal;
  const signal = untilInterrupted();
  const namespace = options.namespace ?? (await cluster.namespace());
  const [targets, tapNamespace] = await Promise.all([
    targetsOf(options, api, namespace),
    podsNamespace(api, options.settings.tapNamespace, namespace),
  ]);
  const pendingBudgets = budgetsIn(api, tapNamespace);
  if (!options.dryRun) await removeAbandoned(api, tapNamespace);
  await warnOfPodSecurity(api, tapNamespace, warn);
  const tap = await planTap(options, { namespace, targets, tapNamespace }, api, terminal);
  const pods = amongBudgets(await pendingBudgets, tap.pods, terminal);
  if (options.dryRun) return printed(options, tap, pods);
  const { quiet } = options;
  const progress = new Progress({ write: quiet ? () => undefined : print, columns: stderrColumns(env) });
  await make(options, pods, { cluster, progress, signal });
  const isForPeople = options.form === undefined && !quiet;
  return `${printed(options, tap, pods)}${isForPeople ? advice(tap, tapNamespace) : ''}`;
}

/** Makes pods, waits for them, and takes them away unless all is well. */
async function make(
  { wait, timeoutMs }: CreateOptions,
  pods: readonly PodManifest[],
  { cluster, progress, signal }: { cluster: Cluster; progress: Progress; signal: AbortSignal },
): Promise<void> {
  const made = new MadePods(cluster.api);
  const tell = (lines: readonly string[]) => progress.show(lines);
  const canConfirm = wait && (await mayConfirm(cluster.api, pods));
  const seconds = Math.ceil(timeoutMs / 1000) + MARGIN_SECONDS;
  try {
    for (const pod of pods)
      if (!signal.aborted) await made.make(canConfirm ? unconfirmed(pod, seconds) : pod);
    if (wait) await untilReady(cluster, pods, { timeoutMs, signal, tell });
    if (canConfirm && !signal.aborted) await made.confirm();
    progress.clear();
    if (signal.aborted) throw new UserError('Interrupted: what was made is taken away again');
  } catch (error) {
    if (made.uids.size > 0) tell(['taking away what was made']);
    await made.takeAway().catch((second: unknown) => {
      throw new UserError(`${messageOf(error)}. ${messageOf(second)}`, { cause: error });
    });
    progress.clear();
    throw error;
  }
}

/** Without that right, pods whose maker is killed go on. */
async function mayConfirm(api: KubeApi, [pod]: readonly PodManifest[]): Promise<boolean> {
  try {
    return await isAllowed(api, 'patch', { kind: 'pods', namespace: pod?.metadata.namespace });
  } catch (error) {
    // Nobody has asked for it.
    if (error instanceof UserError) return false;
    throw error;
  }
}

function printed({ form, dryRun }: CreateOptions, tap: PlannedTap, pods: readonly PodManifest[]): string {
  switch (form) {
    case 'yaml':
      return yamlDocuments(pods);
    case 'json':
      return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }, undefined, 2)}\n`;
    case 'name':
      return `tap/${tap.id}\n`;
    case undefined:
      return report(tap, dryRun ? 'would be created (dry run)' : 'created');
  }
}
