import { messageOf, UserError } from '#src/errors.ts';
import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Budget } from '#src/kube/schemas.ts';
import { selects } from '#src/tap/labelSelector.ts';
import type { PodManifest } from '#src/tap/manifests.ts';
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
 * Warns of budgets that would count a tap's pods. The tap's pods are healthy and have no controller, so a budget that
 * counts them sees more healthy pods than it expects, and allows as many more of the application's to be evicted.
 */
export function warnOfBudgets(
  budgets: BudgetsThere,
  pods: readonly PodManifest[],
  { warn, trace }: Listeners,
): void {
  if (budgets instanceof UserError) {
    const unknown = `whether a PodDisruptionBudget counts the tap's pods is not known: ${messageOf(budgets)}`;
    if (budgets instanceof ForbiddenError) trace(unknown);
    else warn(unknown);
    return;
  }
  const counting = budgets.filter(({ spec }) =>
    pods.some(({ metadata }) => selects(spec.selector, metadata.labels)),
  );
  const [namespace] = pods.map(({ metadata }) => metadata.namespace);
  if (counting.length === 0 || namespace === undefined) return;
  const names = counting.map(({ metadata }) => quote(metadata.name)).join(' and ');
  warn(
    `PodDisruptionBudget ${names} of namespace ${quote(namespace)} counts the tap's pods too, and so allows more evictions than it should while the tap is there: give --tap-namespace, a namespace of the taps' own`,
  );
}
