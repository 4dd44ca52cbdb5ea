import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Tap } from '#src/spec/tap.ts';
import { manifests } from '#src/pods/manifests.ts';
import { amongBudgets, budgetsIn } from './budgets.ts';
import { identityOf } from '#src/spec/tapId.ts';
import { checkFilter } from './filterCheck.ts';
import { leftoverManifests } from './existingPods.ts';
import { MissingError } from './missing.ts';
import type { Options } from './options.ts';
import { resolveTap } from './resolveTap.ts';
import type { Surroundings } from './surroundings.ts';
import { UnresolvedError } from './unresolvedError.ts';
import { yamlDocuments } from './yaml.ts';

/**
 * The manifests of the tap that the options describe, as YAML. For a tap that can no longer be resolved: those
 * of its pods that still exist, so that `kubectl delete -f -` removes them.
 *
 * @throws {UserError} whatever keeps the tap from being printed.
 */
export async function printTap(
  options: Options,
  { api, namespace }: Cluster,
  surroundings: Surroundings,
): Promise<string> {
  const { warn } = surroundings;
  const tap = { ...options.tap, namespace: options.tap.namespace ?? (await namespace()) };
  const pendingBudgets = budgetsIn(api, identityOf(tap).tapNamespace);
  try {
    const pods = manifests(tap, await resolveTap(api, tap, warn));
    await checkFilter(tap.filter, surroundings);
    return yamlDocuments(amongBudgets(await pendingBudgets, pods, surroundings));
  } catch (error) {
    if (!(error instanceof UnresolvedError)) throw error;
    const leftovers = await leftoversOf(api, tap, error);
    if (leftovers.length === 0) throw error instanceof MissingError ? await error.explained() : error;
    warn(`${error.message}; these are the tap's pods that still exist, to be deleted`);
    return yamlDocuments(leftovers);
  }
}

async function leftoversOf(api: KubeApi, tap: Tap, { message }: UnresolvedError): Promise<object[]> {
  try {
    return await leftoverManifests(api, identityOf(tap));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${message}, and whether pods of the tap are left is not known: ${error.message}`, {
      cause: error,
    });
  }
}
