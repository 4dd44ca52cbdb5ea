import { isAllowed } from '#src/kube/access.ts';
import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';

/** The namespace for kokotap's own pods, where somebody has made it. */
export const OWN_NAMESPACE = 'kokotap';

/**
 * Where pods are made that the user has not named a namespace for: in kokotap's own, where there is one and the user may make
 * pods in it, else beside the targets.
 */
export async function podsNamespace(
  api: KubeApi,
  asked: string | undefined,
  ofTargets: string,
): Promise<string> {
  if (asked !== undefined) return asked;
  try {
    const isThere = (await api.getNamespace(OWN_NAMESPACE)) !== undefined;
    const mayUse = isThere && (await isAllowed(api, 'create', { kind: 'pods', namespace: OWN_NAMESPACE }));
    return mayUse ? OWN_NAMESPACE : ofTargets;
  } catch (error) {
    if (error instanceof ForbiddenError) return ofTargets;
    throw error;
  }
}
