import { messageOf, UserError } from '#src/errors.ts';
import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Budget } from '#src/kube/schemas.ts';
import { selects } from '#src/pods/labelSelector.ts';
import type { PodManifest } from '#src/pods/manifests.ts';
import { uncounted } from '#src/pods/uncounted.ts';
import { quote } from './text.ts';

/** The PodDisruptionBudgets of a namespace, or why they are not known. */
export type BudgetsThere = readonly Budget[] | UserError;

interface Listeners {
  readonly warn: (message: string) => void;
  readonly trace: (message: string) => void;
}

/** Never rejects for what the user can mend: a tap does not fail by a question asked for a warning. */
export async function budgetsIn(api: KubeApi, namespace: string): Promise<BudgetsThere> {
  try {
    return await api.listBudgets(namespace);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/**
 * The pods as they can be among those budgets. A tap's pods are healthy and have no controller, so a budget that selects
 * them sees more healthy pods than it expects, and allows as many more of the application's to be evicted.
 */
export function amongBudgets(
  budgets: BudgetsThere,
  pods: readonly PodManifest[],
  { warn, trace }: Listeners,
): readonly PodManifest[] {
  if (budgets instanceof UserError) {
    const unknown = `whether a PodDisruptionBudget counts the tap's pods is not known: ${messageOf(budgets)}`;
    if (budgets instanceof ForbiddenError) trace(unknown);
    else warn(unknown);
    return pods;
  }
  const selecting = budgets.filter(({ spec }) =>
    pods.some(({ metadata }) => selects(spec.selector, metadata.labels)),
  );
  if (selecting.length === 0) return pods;
  const names = selecting.map(({ metadata }) => quote(metadata.name)).join(' and ');
  warn(
    `PodDisruptionBudget ${names} selects the tap's pods and would count them as healthy ones: they get a readiness gate against that and stay without the condition Ready, so wait for ContainersReady; or give --tap-namespace, a namespace of the taps' own`,
  );
  return uncounted(pods);
}
