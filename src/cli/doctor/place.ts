import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { selects } from '#src/pods/labelSelector.ts';
import { quote } from '../text.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** By which a namespace says what its pods may do at most. */
const LEVEL_LABEL = 'pod-security.kubernetes.io/enforce';
/** What every pod of a tap has of labels, as far as a budget of somebody else may select it. */
const LABELS = { 'app.kubernetes.io/name': 'kokotap' };

/** Whether pods of taps and captures can be made in a namespace. */
export async function checkPlace(api: KubeApi, namespace: string): Promise<readonly Finding[]> {
  return [...(await checkNamespace(api, namespace)), await checkBudgets(api, namespace)];
}

async function checkNamespace(api: KubeApi, namespace: string): Promise<readonly Finding[]> {
  const name = quote(namespace);
  const label = `kubectl label namespace ${namespace} ${LEVEL_LABEL}=privileged`;
  try {
    const found = await api.getNamespace(namespace);
    if (found === undefined)
      return [
        fail('KT0201', `There is no namespace ${name}`, `kubectl create namespace ${namespace} && ${label}`),
      ];
    const level = found.metadata.labels?.[LEVEL_LABEL];
    const there = ok('KT0201', `Pods are made in namespace ${name}`);
    if (level === 'privileged')
      return [there, ok('KT0202', `Namespace ${name} has the Pod Security level "privileged"`)];
    if (level === undefined)
      return [
        there,
        ok(
          'KT0202',
          `Namespace ${name} has no Pod Security level of its own: the cluster's default holds, which is "privileged" unless somebody changed it`,
        ),
      ];
    const own = `kubectl create namespace kokotap && kubectl label namespace kokotap ${LEVEL_LABEL}=privileged`;
    return [
      there,
      fail(
        'KT0202',
        `Namespace ${name} has the Pod Security level ${quote(level)}, which refuses the pods: give them a namespace of their own`,
        own,
      ),
    ];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [warn('KT0202', `The Pod Security level of namespace ${name} is not known: ${error.message}`)];
  }
}

async function checkBudgets(api: KubeApi, namespace: string): Promise<Finding> {
  try {
    const budgets = await api.listBudgets(namespace);
    const names = budgets.flatMap(({ metadata, spec }) =>
      selects(spec.selector, LABELS) ? [quote(metadata.name)] : [],
    );
    if (names.length === 0) return ok('KT0203', 'No PodDisruptionBudget counts the pods of taps');
    return warn(
      'KT0203',
      `PodDisruptionBudget ${names.join(' and ')} counts the pods of taps: they get a readiness gate against that; give --tap-namespace for them to be Ready`,
    );
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return warn(
      'KT0203',
      `Whether a PodDisruptionBudget counts the pods of taps is not known: ${error.message}`,
    );
  }
}
